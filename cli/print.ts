import { scrub } from '../secrets/redaction.ts';
import { width, wrapped } from './show/layout.ts';

/** Results go to standard output, everything else to standard error: a pipe gets the result alone. */
export function print(text: string): void {
  process.stdout.write(`${scrub(text)}\n`);
}

/** The same for sentences: in whole words at a terminal. */
export function say(text: string): void {
  print(inWholeWords(text, process.stdout));
}

export function printJson(value: unknown): void {
  print(jsonOf(value));
}

/** For the commands whose result is a secret. */
export function printSecret(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function jsonOf(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

export function note(text: string): void {
  process.stderr.write(`${scrub(inWholeWords(text, process.stderr))}\n`);
}

/** Lines that are too long for the terminal, in several; a pipe gets all as they are. */
export function inWholeWords(text: string, stream: NodeJS.WriteStream, margin = ''): string {
  const columns = stream.isTTY ? (stream.columns || width) - margin.length : Number.POSITIVE_INFINITY;
  const lines = text.split('\n').flatMap((line) => (line.length <= columns ? [line] : wrapped(line, columns)));
  return lines.map((line) => `${margin}${line}`).join('\n');
}

let onNobodyReads = (): void => process.exit(0);

/** `keyturn … | head` is no failure: who reads may stop reading, and a terminal may be closed. */
export function stayQuietOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
      onNobodyReads();
    });
  }
}

/** For a command that has something to end in order before the process does. */
export function whenNobodyReads(end: () => void): void {
  onNobodyReads = end;
}
