import { join } from 'node:path';
import type { Tools } from '../../activities/tools.ts';
import { fault, type KeyturnError } from '../../errors/keyturn-error.ts';
import { openLocalVault } from '../../stores/local/local-vault.ts';
import type { Store } from '../../stores/store.ts';
import type { Machine } from './machine.ts';

/** A store beside `local`, a vault file of its own, that a test takes down. */
export type SecondStore = { store: Store; failure: KeyturnError | null; failures: number };

export const secondStoreName = 'second';

export function openSecondStore({ folder, keyring }: Pick<Machine, 'folder' | 'keyring'>): SecondStore {
  const vault = openLocalVault({ file: join(folder, 'data', 'second.db'), keyring });
  const second: SecondStore = { store: vault, failure: null, failures: 0 };
  const unlessDown =
    <Arguments extends unknown[], Result>(work: (...args: Arguments) => Promise<Result>) =>
    async (...args: Arguments): Promise<Result> => {
      if (second.failure === null) return work(...args);
      second.failures += 1;
      throw second.failure;
    };
  second.store = {
    ...vault,
    name: secondStoreName,
    check: unlessDown(vault.check),
    capture: unlessDown(vault.capture),
    write: unlessDown(vault.write),
    read: unlessDown(vault.read),
    restore: unlessDown(vault.restore),
    remove: unlessDown(vault.remove),
  };
  return second;
}

export const isDown = fault('KEYTURN_STORE_UNAVAILABLE', secondStoreName, 'it is down');

/** The tools of a worker that knows both stores. */
export function withSecondStore<Given extends Tools>(tools: Given, { store }: SecondStore): Given {
  return { ...tools, store: async (name: string) => (name === secondStoreName ? store : tools.store(name)) };
}
