import pc from 'picocolors';
import type { Keyturn } from '../client/keyturn.ts';
import type { RotationRecord, StepReport } from '../policy/life/state.ts';
import { inWholeWords, print } from './print.ts';
import { utcTime } from './show/clock-time.ts';
import { inTime, took } from './show/relative-time.ts';
import { runningLine, stepLine, stepName } from './show/step-lines.ts';
import { transientLine } from './transient-line.ts';

type Followed = {
  name: string;
  rotationId: string;
  /** false: nothing is printed; only the end is of interest. */
  shown: boolean;
  /** Columns before each line. Default: 2. */
  indent?: number;
  /** Ends it early, by throwing. */
  signal?: AbortSignal;
};

/**
 * Shows the steps of a rotation as they end, each a line, and what keeps one from ending; on a terminal also the one that
 * runs.
 * Resolves when it is published or undone.
 */
export async function followRotation(
  keyturn: Keyturn,
  { name, rotationId, shown, indent = 2, signal }: Followed,
): Promise<{ record: RotationRecord; steps: StepReport[] }> {
  const margin = ' '.repeat(indent);
  const line = transientLine(shown && process.stdout.isTTY === true, margin);
  const lineOut = (text: string) => shown && line.above(() => print(`${margin}${text}`));
  const sayOut = (text: string) => shown && line.above(() => print(inWholeWords(text, process.stdout, margin)));
  let printed = 0;
  let waiting = '';
  let noted = '';
  try {
    for await (const progress of keyturn.waitFor(name, rotationId, signal)) {
      if (progress.state === 'waiting') {
        const { because } = progress;
        // A moment that has come is none to wait for: it starts any moment now.
        const until = isAhead(progress.until) ? progress.until : null;
        const words = until === null ? `waits: ${because}` : `waits until ${utcTime(until)}: ${because}`;
        if (words !== waiting) sayOut(words);
        waiting = words;
        line.show(() => (until === null ? '… waiting' : `… starts ${inTime(until, Date.now())}`));
        continue;
      }
      const ended = progress.steps.filter(({ state }) => state !== 'running');
      for (const step of ended.slice(printed)) lineOut(stepLine(step));
      printed = Math.max(printed, ended.length);
      if (progress.state === 'ended') {
        lineOut(progress.record.event === 'published' ? `${pc.green('✔')} published` : `${pc.red('✘')} undone`);
        return { record: progress.record, steps: progress.steps };
      }
      const running = progress.steps.find(({ state }) => state === 'running');
      if (running && running.note !== '' && running.note !== noted) {
        sayOut(runningLine(running));
        noted = running.note;
      }
      line.show(() => (running ? `… ${stepName(running)}  ${sinceText(running)}` : '…'));
    }
  } finally {
    line.clear();
  }
  throw new Error('waitFor ended without an end');
}

function isAhead(instant: string | null): boolean {
  return instant !== null && Date.parse(instant) > Date.now();
}

function sinceText({ startedAt }: StepReport): string {
  return took(Math.max(0, Date.now() - Date.parse(startedAt)));
}
