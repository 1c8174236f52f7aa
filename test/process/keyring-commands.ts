import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Keyturn } from '../../client/keyturn.ts';
import { runKeyturn } from '../run-keyturn.ts';
import type { Machine } from './machine.ts';
import { eventually } from './rotation.ts';

type Listed = { id: string; vaultRows: number; policies: string[] };

/** `keyturn keyring …` on a machine, as a program of its own. */
export function keyringCommands(machine: Pick<Machine, 'folder' | 'env' | 'paths' | 'runs'>) {
  async function run(args: string[]) {
    const { code, stdout, stderr } = await runKeyturn(machine, ['keyring', ...args, '-o', 'json']);
    return { code, answer: JSON.parse(code === 0 ? stdout : stderr) };
  }
  /** What it answers. */
  async function keyring(...args: string[]) {
    const { code, answer } = await run(args);
    if (code !== 0) throw new Error(answer.message);
    return answer;
  }
  async function listed(id: string): Promise<Listed> {
    return (await keyring('list')).find((one: Listed) => one.id === id);
  }
  return {
    keyring,
    /** Why it refuses, where something still needs the key. */
    async refusal(...args: string[]): Promise<string> {
      const { code, answer } = await run(args);
      expect({ exit: code, code: answer.code }).toEqual({ exit: 4, code: 'KEYTURN_KEYRING_KEY_NEEDED' });
      return answer.message;
    },
    neededBy: async (id: string) => (await listed(id)).policies,
    /** A worker follows the file within a second: once it has, a policy that begins a new run needs this key only. */
    async untilWorkerUses(id: string, keyturn: Keyturn, policy: string): Promise<void> {
      await eventually(async () => {
        await keyturn.refresh(policy);
        // Answered by the run that the signal has led to.
        await keyturn.status(policy);
        const needed = (await keyring('list')).filter(({ policies }: Listed) => policies.includes(policy));
        return needed.length === 1 && needed[0].id === id;
      });
    },
    vaultRowsOf: async (id: string) => (await listed(id)).vaultRows,
    /** No key was active within the last hour, as far as its file says. */
    letAnHourPass(): void {
      const { keyringFile } = machine.paths;
      const content = JSON.parse(readFileSync(keyringFile, 'utf8'));
      const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
      for (const id of Object.keys(content.activeUntil)) content.activeUntil[id] = hourAgo;
      writeFileSync(keyringFile, JSON.stringify(content));
    },
  };
}
