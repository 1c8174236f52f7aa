import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { fault } from '../errors/keyturn-error.ts';
import { formatProblems } from '../policy/declared/format-problems.ts';
import type { Policy } from '../policy/declared/policy.ts';
import { readPolicies } from '../policy/declared/policy-file.ts';

/**
 * The policies that the files declare together; `-` is standard input.
 *
 * @throws KEYTURN_FILE_UNREADABLE, KEYTURN_POLICY_INVALID with every problem of all of them
 */
export async function readPolicyFiles(files: readonly string[]): Promise<Policy[]> {
  const texts = [];
  for (const file of files) texts.push(await readPolicyFile(file));
  const read = readPolicies(texts);
  if ('problems' in read) throw fault('KEYTURN_POLICY_INVALID', formatProblems(read.problems));
  return read.policies;
}

async function readPolicyFile(file: string): Promise<{ file: string; text: string }> {
  if (file === '-') return { file: '(standard input)', text: await textOf(process.stdin) };
  try {
    return { file, text: await readFile(file, 'utf8') };
  } catch (error) {
    throw fault('KEYTURN_FILE_UNREADABLE', file, whyUnreadable((error as NodeJS.ErrnoException).code));
  }
}

function whyUnreadable(code: string | undefined): string {
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'its permissions forbid it';
  return code === 'EISDIR' ? 'it is a folder' : `the system says ${code}`;
}
