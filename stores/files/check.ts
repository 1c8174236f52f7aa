import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { Right } from '../store.ts';
import type { AfterWrite } from './declaration.ts';
import type { SeenFile } from './seen-file.ts';

/** What replacing the file will need. A file is replaced by another one: what counts is the folder. */
export function rightsFor({ path, stat }: SeenFile, afterWrite: AfterWrite | undefined, cwd: string): Right[] {
  const folder = dirname(path);
  const replacing = { right: `write on the folder ${folder}`, to: 'put the new file in the place of the old one' };
  const rights: Right[] = [{ ...replacing, granted: allows(folder, constants.W_OK | constants.X_OK) }];
  if (stat !== null) {
    const owner = `${stat.uid}:${stat.gid}`;
    const right = `make files that belong to ${owner}`;
    rights.push({ right, to: 'keep the owner that it has', granted: mayGiveTo(Number(stat.uid), Number(stat.gid)) });
  }
  if (afterWrite === undefined) return rights;
  if ('command' in afterWrite) {
    const [program = ''] = afterWrite.command;
    rights.push({ right: `run ${program}`, to: 'tell readers of the new file', granted: isRunnable(program, cwd) });
  } else {
    const { pidFile, signal } = afterWrite;
    const granted = allows(pidFile, constants.R_OK);
    rights.push({ right: `read ${pidFile}`, to: `send ${signal} to the process that it names`, granted });
  }
  return rights;
}

/** What a person should know of a file that is there. */
export function warningsOf({ stat }: SeenFile): string[] {
  const warnings = [];
  if (stat !== null && stat.nlink > 1n) {
    warnings.push('It has other names (hard links), which will go on holding the old key.');
  }
  if (stat !== null && (stat.mode & 0o004n) !== 0n) {
    const mode = (stat.mode & 0o7777n).toString(8).padStart(4, '0');
    warnings.push(`Every user of this machine may read it: its mode is ${mode}, and stays so.`);
  }
  return warnings;
}

function mayGiveTo(uid: number, gid: number): boolean {
  const self = process.geteuid?.();
  if (self === 0) return true;
  return self === uid && (process.getegid?.() === gid || process.getgroups?.().includes(gid) === true);
}

function isRunnable(program: string, cwd: string): boolean {
  if (program.includes('/')) return allows(resolve(cwd, program), constants.X_OK);
  return (process.env.PATH ?? '').split(delimiter).some((folder) => allows(join(folder, program), constants.X_OK));
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
