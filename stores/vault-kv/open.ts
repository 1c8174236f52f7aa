import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Agent } from 'undici';
import { fault } from '../../errors/keyturn-error.ts';
import { conditionalStore } from '../conditional-store.ts';
import type { StoreContext } from '../kind.ts';
import type { Store } from '../store.ts';
import { vaultLogin } from './auth.ts';
import type { DeclaredVault } from './declaration.ts';
import { vaultDriver } from './driver.ts';
import { vaultHttp } from './http.ts';

/** A store over what is declared. */
export function openVaultKv(declared: DeclaredVault, context: StoreContext): Store {
  const { address, mount, namespace, auth, caFile } = declared;
  const ca = caFile === undefined ? undefined : certificateIn(resolve(context.folder, caFile), context.name);
  const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } });
  const http = vaultHttp({ store: context.name, address, namespace, dispatcher });
  const login = vaultLogin({ http, auth, context });
  const driver = vaultDriver({ name: context.name, address, mount, namespace, http, login });
  return conditionalStore({ ...driver, close: () => dispatcher.close() }, context.time);
}

function certificateIn(path: string, store: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw fault(
      'KEYTURN_CREDENTIAL_UNREADABLE',
      `store "${store}"`,
      `the certificate ${path} cannot be read (${code})`,
    );
  }
}
