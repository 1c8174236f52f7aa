import pc from 'picocolors';
import { print } from '../print.ts';

const nameColumns = 40;

/** `  ✔ OpenRouter simulator              http://127.0.0.1:4010`, in place of what `printProgress` may be drawing. */
export function lineDone(what: string, where = ''): void {
  const start = process.stdout.isTTY ? '\r\x1b[2K' : '';
  const line = where === '' ? what : `${what.padEnd(nameColumns - 1)} ${where}`;
  print(`${start}  ${pc.green('✔')} ${line}`);
}
