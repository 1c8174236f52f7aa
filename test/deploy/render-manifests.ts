import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { runProgram } from '../../engine/run-program.ts';
import { goProgram, kustomize } from '../production/go-program.ts';
import { kubernetesFolder, oneHostFolder, storeComponents, storesFolder } from './kubernetes-files.ts';

/** The deployments there are: the default, on one host with the vault, and the default with every store. */
export const variants = ['default', 'one host', 'every store'] as const;
export type Variant = (typeof variants)[number];

/** What `kubectl apply -k` would send, as YAML. @throws Error where kustomize cannot be had, or refuses */
export async function renderManifests(variant: Variant): Promise<string> {
  const program = await goProgram(kustomize);
  const render = async (folder: string) => {
    const options = { env: { PATH: process.env.PATH }, timeoutMs: 60_000 };
    const { problem, output } = await runProgram(program, ['build', folder], options);
    if (problem !== undefined) throw new Error(`kustomize build ${folder}: ${output}`);
    return output;
  };
  if (variant === 'default') return render(kubernetesFolder);
  if (variant === 'one host') return render(oneHostFolder);
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-kustomize-'));
  try {
    const from = (path: string) => relative(folder, path);
    const all = {
      resources: [from(kubernetesFolder)],
      components: storeComponents.map((name) => from(join(storesFolder, name))),
    };
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(all));
    return await render(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
