import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runProgram } from '../../engine/run-program.ts';
import { composePath, vaultComposePath } from '../deploy/compose-file.ts';
import { kubernetesFiles } from '../deploy/kubernetes-files.ts';
import { renderManifests, variants } from '../deploy/render-manifests.ts';
import { composeReader, goProgram, temporalServer } from './go-program.ts';
import { kubernetesVersions, validateManifest } from './kubernetes-validate.ts';
import { say } from './say.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-deploy-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(program: string, args: string[]) {
  return runProgram(program, args, { env: { PATH: process.env.PATH }, cwd: folder, timeoutMs: 60_000 });
}

test('docker-compose.yml is what the compose specification asks', async () => {
  const reader = await goProgram(composeReader);
  await cp(composePath, join(folder, 'docker-compose.yml'));
  await mkdir(join(folder, 'secrets'));
  const { problem, output } = await run(reader, ['docker-compose.yml']);
  expect(problem, output).toBeUndefined();
  const { services } = parse(output) as { services: Record<string, { read_only?: boolean }> };
  expect(Object.keys(services)).toEqual(
    expect.arrayContaining(['postgres', 'temporal', 'worker', 'codec-server', 'ui']),
  );
  say(`compose specification: ${Object.keys(services).length} services, nothing wrong`);

  await cp(vaultComposePath, join(folder, 'docker-compose.vault.yml'));
  const both = await run(reader, ['docker-compose.yml', 'docker-compose.vault.yml']);
  expect(both.problem, both.output).toBeUndefined();
  const { services: withVault } = parse(both.output) as { services: Record<string, { volumes: { target: string }[] }> };
  expect(withVault.worker?.volumes.map(({ target }) => target).sort()).toEqual(['/data', '/etc/keyturn/keyturn.yaml']);

  const text = await readFile(composePath, 'utf8');
  await writeFile(join(folder, 'wrong.yml'), text.replace('read_only:', 'read-only:'));
  expect((await run(reader, ['wrong.yml'])).problem, 'a misspelt field is found').toBeDefined();
});

// The server may have to be built first.
test("the dynamic configuration is one that Temporal's server knows", { timeout: 1_800_000 }, async () => {
  const file = fileURLToPath(new URL('../../deploy/temporal/dynamic-config.yaml', import.meta.url));
  const { problem, output } = await run(await goProgram(temporalServer), ['validate-dynamic-config', file]);
  expect(problem, output).toBeUndefined();
  expect(output).not.toMatch(/error|warning/);
});

describe.each(kubernetesVersions)('Kubernetes %s', (version) => {
  test('takes the manifests', { timeout: 300_000 }, async () => {
    for (const file of kubernetesFiles) expect(await validateManifest(version, file), file).toBe('');
    for (const variant of variants) {
      const rendered = join(folder, 'rendered.yaml');
      await writeFile(rendered, await renderManifests(variant));
      expect(await validateManifest(version, rendered), variant).toBe('');
    }
    const worker = kubernetesFiles.find((file) => file.endsWith('worker.yaml'));
    const wrong = join(folder, 'worker.yaml');
    await writeFile(wrong, (await readFile(String(worker), 'utf8')).replace('replicas:', 'replica:'));
    expect(await validateManifest(version, wrong), 'a misspelt field is found').toContain('replica');
    say(`Kubernetes ${version}: ${kubernetesFiles.length} files, nothing wrong`);
  });
});
