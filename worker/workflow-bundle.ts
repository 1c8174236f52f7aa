import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export type WorkflowBundle = { code: string };

const packaged = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
const maker = fileURLToPath(new URL('./make-bundle.ts', import.meta.url));
const checkout = fileURLToPath(new URL('..', import.meta.url));
const cache = join(checkout, 'node_modules/.cache/keyturn');

/** What workflow code may be made of: itself and what it imports, and the converters that a bundle has beside it. */
export const bundledFolders = ['workflows', 'policy', 'errors', 'codec'];

const makingTimeoutMs = 60_000;
/** Another process may be about to read what is younger. */
const keptMs = 3_600_000;

/**
 * The workflow code as one file, which the build has made for the package. A checkout has it made by a process that ends,
 * and keeps it for as long as no source changes. So no worker loads the bundler: it would take half of a worker's memory.
 *
 * @param workflowsPath in a checkout; default: Keyturn's own workflows
 */
export async function workflowBundle(workflowsPath?: string): Promise<WorkflowBundle> {
  if (!existsSync(maker)) return { code: await readFile(packaged, 'utf8') };
  const file = join(cache, `workflow-bundle-${await digestOfSources(workflowsPath)}.js`);
  if (!existsSync(file)) {
    await mkdir(cache, { recursive: true });
    const args = [maker, file, ...(workflowsPath === undefined ? [] : [workflowsPath])];
    await promisify(execFile)(process.execPath, args, { timeout: makingTimeoutMs });
    await removeOld();
  }
  return { code: await readFile(file, 'utf8') };
}

/** Of all that decides what the bundle is. */
async function digestOfSources(workflowsPath = ''): Promise<string> {
  const folders = bundledFolders.map((name) => join(checkout, name));
  const sources = (await Promise.all([...folders, ...(workflowsPath ? [dirname(workflowsPath)] : [])].map(sourcesIn)))
    .flat()
    .sort();
  const digest = createHash('sha256').update(workflowsPath);
  for (const file of [...sources, maker, join(checkout, 'package-lock.json')])
    digest.update(file).update(await readFile(file));
  return digest.digest('hex').slice(0, 16);
}

async function sourcesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.endsWith('.ts')).map((name) => join(folder, name));
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!basename(name).startsWith('workflow-bundle-')) continue;
    const file = join(cache, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > keptMs) await rm(file, { force: true });
  }
}
