import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { keyturnPaths } from '../../config/paths.ts';
import { fetchOnce } from '../../engine/fetch-once.ts';
import { runProgram } from '../../engine/run-program.ts';
import { progress } from './say.ts';

/** Brings the schemas of Kubernetes' API, release by release. */
const tool = 'kubernetes-validate';
const version = '1.37.0';

/** The oldest and the newest of what is in use. */
export const kubernetesVersions = ['1.30', '1.37'];

const minute = 60_000;

/** What is wrong with the manifest, fields that nobody knows included; '' where nothing is. */
export async function validateManifest(kubernetesVersion: string, file: string): Promise<string> {
  const env = { ...process.env, PYTHONPATH: await installed() };
  const args = ['-m', 'kubernetes_validate', '--strict', '-k', kubernetesVersion, file];
  const { problem, output } = await runProgram('python3', args, { env, timeoutMs: minute });
  return problem === undefined ? '' : output;
}

/** A folder with the Python package, in Keyturn's cache. @throws Error where Python or pip is missing */
async function installed(): Promise<string> {
  const { cacheDir } = keyturnPaths(process.env);
  const name = `${tool}-${version}`;
  const folder = join(cacheDir, name);
  return fetchOnce(name, { cacheDir, progress }, async (workshop) => {
    if (existsSync(folder)) return folder;
    const fresh = join(workshop, 'packages');
    progress.step(`Installing ${tool} ${version}`);
    const args = ['-m', 'pip', 'install', '--quiet', '--no-compile', '--target', fresh, `${tool}==${version}`];
    const { problem } = await runProgram('python3', args, { env: process.env, timeoutMs: 5 * minute });
    if (problem !== undefined) throw new Error(`${tool} (needs python3 with pip): ${problem}`);
    await rename(fresh, folder);
    return folder;
  });
}
