import { keyturnPaths } from '../config/paths.ts';
import { openMachine } from '../machine/open-machine.ts';
import { quietDebugSwitches } from '../secrets/debug-switches.ts';
import { localPromises } from '../stores/local/local-vault.ts';
import type { Stores } from '../stores/open-stores.ts';
import type { StorePromises } from '../stores/promises.ts';
import { kindNamed } from '../stores/registry.ts';

export type KnownStore = { name: string; kind: string; promises: StorePromises };

/** The stores of this machine: the local vault, and those that keyturn.yaml declares. None is asked anything. */
export async function storesHere(): Promise<{ stores: Stores; known: KnownStore[] }> {
  quietDebugSwitches();
  const { env } = process;
  const { stores, declared } = await openMachine({ env, cwd: process.cwd(), paths: keyturnPaths(env) });
  const known = [...declared.stores].map(([name, { kind, content }]) => {
    const promises = kindNamed(kind)?.promises ?? localPromises;
    const { readersFollow = promises.readersFollow } = content as Partial<StorePromises>;
    return { name, kind, promises: { ...promises, readersFollow } };
  });
  return { stores, known: [{ name: 'local', kind: 'local', promises: localPromises }, ...known] };
}
