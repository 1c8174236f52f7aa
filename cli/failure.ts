import { inspect } from 'node:util';
import pc from 'picocolors';
import { type FaultCode, faults } from '../errors/faults.ts';
import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import { scrub } from '../secrets/redaction.ts';
import { inWholeWords } from './print.ts';

/** Prints what went wrong on standard error and answers the exit code (design §9). */
export function reportFailure(error: unknown, form: 'text' | 'json'): number {
  const known = error instanceof KeyturnError ? error : unexpected(error);
  const { code, kind, message, remedy } = known;
  const shown =
    form === 'json'
      ? JSON.stringify({ code, kind, message, remedy }, null, 2)
      : `${pc.red('✘')} ${pc.bold(code)}\n${indented(message)}\n${indented(`→ ${remedy}`)}`;
  // Over what a progress line may have left.
  const start = process.stderr.isTTY ? '\r\x1b[2K' : '';
  // A key that somebody typed where a name belongs is not repeated.
  process.stderr.write(`${start}${scrub(shown)}\n`);
  if (process.env.KEYTURN_DEBUG && known !== error) process.stderr.write(`${scrub(inspect(error))}\n`);
  return exitCodeOf(code);
}

export function exitCodeOf(code: FaultCode): number {
  const row = faults[code];
  return 'exit' in row ? row.exit : 1;
}

function unexpected(error: unknown): KeyturnError {
  return fault('KEYTURN_INTERNAL', error instanceof Error ? error.message : String(error));
}

function indented(text: string): string {
  return inWholeWords(text, process.stderr, '  ');
}
