import pc from 'picocolors';
import type { StepReport } from '../../policy/life/state.ts';
import { took } from './relative-time.ts';

const names: Record<string, string> = {
  createKey: 'create key',
  verifyKey: 'verify key',
  captureSecret: 'look in store',
  storeSecret: 'store secret',
  verifySecret: 'read back',
  renameKey: 'rename key',
  reapKey: 'remove new key',
  restoreSecret: 'restore store',
  disableKey: 'disable key',
  deleteKey: 'delete key',
  removeSecret: 'remove secret',
};

const nameColumns = 15;
const noteColumns = 34;

/** What a person calls a step. */
export function stepName({ step }: StepReport): string {
  return names[step] ?? step;
}

/** `✔ create key     5f3c…e1        0.2 s`, for a step that has ended. */
export function stepLine(step: StepReport): string {
  const mark = step.state === 'failed' ? pc.red('✘') : pc.green('✔');
  const duration = step.tookMs === null ? '' : took(step.tookMs);
  return `${mark} ${stepName(step).padEnd(nameColumns)}${step.note.padEnd(noteColumns)} ${pc.dim(duration)}`.trimEnd();
}

/** `… create key: waits for its turn`, for a step that goes on. */
export function runningLine(step: StepReport): string {
  return `… ${stepName(step)}${step.note === '' ? '' : `: ${step.note}`}`;
}
