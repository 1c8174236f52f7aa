import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fault } from '../../errors/keyturn-error.ts';
import { conditionalStore } from '../conditional-store.ts';
import type { StoreContext } from '../kind.ts';
import type { Store } from '../store.ts';
import { type DeclaredInfisical, promises } from './declaration.ts';
import { infisicalDriver } from './driver.ts';
import { createHttp } from './http.ts';
import { secretsApi } from './secrets-api.ts';
import { openSession } from './session.ts';

export async function openInfisical(declared: DeclaredInfisical, context: StoreContext): Promise<Store> {
  const ca = declared.caFile === undefined ? null : await certificatesIn(resolve(context.folder, declared.caFile));
  const http = createHttp({ url: declared.url, ca });
  const api = secretsApi(http, openSession({ auth: declared.auth, url: declared.url, http, context }), declared);
  const kept = { ...promises, readersFollow: declared.readersFollow ?? promises.readersFollow };
  return conditionalStore(infisicalDriver({ declared, context, promises: kept, api }), context.time);
}

async function certificatesIn(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw fault('KEYTURN_FILE_UNREADABLE', file, String((cause as NodeJS.ErrnoException).code ?? 'unknown'));
  }
}
