import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Secret } from '../../../secrets/secret.ts';
import { openEnvFile } from '../../../stores/env-file/open.ts';
import { openFile } from '../../../stores/file/open.ts';
import type { DeclaredFiles } from '../../../stores/files/declaration.ts';
import type { Store } from '../../../stores/store.ts';
import { ownTime } from '../own-time.ts';

/** A folder of a test's own. */
export function freshFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'keyturn-files-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function envFileIn(folder: string, more: Partial<DeclaredFiles> = {}): Store {
  return openEnvFile({ kind: 'env-file', folder, ...more }, { name: 'dotenv', folder, env: {}, ...ownTime });
}

export function filesIn(folder: string, more: Partial<DeclaredFiles> = {}): Store {
  return openFile({ kind: 'file', folder, ...more }, { name: 'files', folder, env: {}, ...ownTime });
}

export const variable = { name: '.env', field: 'OPENROUTER_API_KEY' };
export const writer = { policy: 'checkout', rotationId: 'r1' };

/** The secret of a test, and what of it must not be printed. */
export const hidden = 'sk-or-v1-5ec2e7';
export const secret = new Secret(hidden);

export async function writeTo(store: Store, spot = variable as { name: string; field: string | null }) {
  const before = await store.capture(spot, writer);
  await store.write(spot, secret, writer, before.memento);
  return before;
}

/** All but the lock, which stays. */
export function namesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name !== '.keyturn-lock')
    .sort();
}
