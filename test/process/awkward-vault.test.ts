import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { existingKeys, expectAgreement, storedKey } from './agreement.ts';
import { shareTemporal, type World } from './own-world.ts';
import { endOfRotation, issueFirstKey, policyNamed } from './rotation.ts';

let shared: Awaited<ReturnType<typeof shareTemporal>>;
beforeAll(async () => {
  shared = await shareTemporal();
});
afterAll(() => shared.close());

const vaultProcess = fileURLToPath(new URL('../stores/local/vault-process.fixture.ts', import.meta.url));

describe.concurrent('a vault', { timeout: 60_000 }, () => {
  test('that another process has locked when the secret is stored is waited for', async ({
    expect,
    onTestFinished,
  }) => {
    const world = await shared.newWorld();
    onTestFinished(() => world.close());
    const { keyturn } = world;
    await issueFirstKey(keyturn, policyNamed('locked'));
    let unlock: (() => void) | undefined;
    let tries = 0;
    world.onMoment = async ({ at, step }) => {
      if (at === 'after' || step !== 'storeSecret') return;
      unlock ??= await lockVault(world);
      tries += 1;
      if (tries > 1) unlock();
    };
    const { rotationId } = await keyturn.rotate('locked', { reason: 'the vault is locked' });
    expect(await endOfRotation(keyturn, 'locked', rotationId)).toMatchObject({ event: 'published', attempt: 1 });
    expect(tries).toBeGreaterThan(1);
    expect(existingKeys(world, 'locked')).toHaveLength(2);
    await expectAgreement(world, 'locked');
  });

  test('that is cut off before anything is stored ends the rotation, and the old key works', async ({
    expect,
    onTestFinished,
  }) => {
    const world = await shared.newWorld({ declared: true });
    onTestFinished(() => world.close());
    const { keyturn, paths } = world;
    await issueFirstKey(keyturn, policyNamed('cut-off'));
    const copy = await readFile(paths.vaultFile);
    world.onMoment = async ({ at, step }) => {
      if (at === 'before' && step === 'captureSecret') await truncate(paths.vaultFile, 5_000);
    };
    const { rotationId } = await keyturn.rotate('cut-off', { reason: 'the vault is cut off' });
    const { event, fault } = await endOfRotation(keyturn, 'cut-off', rotationId);
    expect(event).toBe('undone');
    expect(fault).toMatchObject({ code: 'KEYTURN_VAULT_CORRUPT', kind: 'terminal' });
    expect(fault?.message).toContain(paths.vaultFile);
    expect(fault?.remedy).toContain('Put back a copy of it');
    expect(existingKeys(world, 'cut-off').map(({ state }) => state)).toEqual(['live']);

    await writeFile(paths.vaultFile, copy);
    expect(await storedKey(world, 'cut-off')).toMatchObject({ answer: 200 });
    await expectAgreement(world, 'cut-off');
    world.onMoment = async () => {};
    const mended = await keyturn.rotate('cut-off', { reason: 'a copy was put back' });
    expect((await endOfRotation(keyturn, 'cut-off', mended.rotationId)).event).toBe('published');
    await expectAgreement(world, 'cut-off');
  });
});

/** Another process holds the vault open for writing. Answers what ends that. */
async function lockVault({ paths }: World): Promise<() => void> {
  const args = [vaultProcess, 'lock', paths.vaultFile, paths.keyringFile, 'any'];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return () => child.stdin.end('go');
}
