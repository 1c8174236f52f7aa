import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { awsPlace } from './places/aws-place.ts';
import { baoPlace } from './places/bao-place.ts';
import { kubernetesPlace } from './places/kubernetes-place.ts';
import type { PlaceUnderTest } from './places/place-under-test.ts';
import type { Rotations } from './rotations.fixture.ts';

const program = fileURLToPath(new URL('./rotations.fixture.ts', import.meta.url));
const times = 100;
/** Every seventh is undone. */
const lastKept = times - (times % 7 === 0 ? 1 : 0);
const [one, other] = ['CHECKOUT', 'SEARCH'];

for (const open of [awsPlace, baoPlace, kubernetesPlace]) {
  const place = await open();
  if ('unavailable' in place) {
    console.warn(`Not tested: two policies on one secret. ${place.unavailable}`);
    continue;
  }
  describe(`two policies on two fields of one secret, in ${place.store}`, () => {
    afterAll(() => place.close());

    test('200 rotations at once, in two processes, lose neither field, nor what is beside them', {
      timeout: 400_000,
    }, async () => {
      await place.make('shared');
      const before = await place.fields('shared');
      const ends = await rotations(place, [one, other]);
      expect(ends).toEqual([
        { code: 0, said: '' },
        { code: 0, said: '' },
      ]);
      expect(await place.fields('shared')).toEqual({
        ...before,
        [one]: `sk-or-v1-${one}-${lastKept}`,
        [other]: `sk-or-v1-${other}-${lastKept}`,
      });
    });
  });
}

/** A process for each field, which begin at once; how each ended. */
async function rotations(place: PlaceUnderTest, fields: string[]): Promise<{ code: number; said: string }[]> {
  const processes = fields.map((field) => {
    const { name } = place.spotOf('shared');
    const told = { declared: place.declared, spot: { name, field }, policy: field, times } as Rotations;
    const child = spawn(process.execPath, [program, JSON.stringify(told)], {
      env: { PATH: process.env.PATH, ...place.env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const said = child.stderr?.toArray() ?? Promise.resolve([]);
    const ended = once(child, 'exit').then(async ([code]) => ({ code, said: Buffer.concat(await said).toString() }));
    return { child, ready: Promise.race([once(child, 'message'), ended]), ended };
  });
  await Promise.all(processes.map(({ ready }) => ready));
  for (const { child } of processes) if (child.connected) child.send('go');
  return Promise.all(processes.map(({ ended }) => ended));
}
