import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blocks, type Key, type Place, secretName, startPlace, startReader } from './keyturn-and-infisical.ts';
import { runSchedule, startRotation } from './stub/rotations.ts';
import { makeSecret } from './stub/world.ts';

describe('every step of docs/from-infisical.md, as it stands there', () => {
  let here: Place;
  beforeEach(async () => {
    here = await startPlace();
  }, 120_000);
  afterEach(() => here.close());

  /** Off, then gone, as the last steps say. */
  async function letGo(off: string | undefined, gone: string | undefined, old: readonly Key[]): Promise<void> {
    for (const { hash } of old) {
      await here.paste(off, { OLD_KEY: hash });
      expect((await here.keys()).find((key) => key.hash === hash)?.disabled).toBe(true);
      await here.paste(gone, { OLD_KEY: hash });
    }
  }

  test('from Infisical’s rotation: no reader is cut off, and no key stays behind', { timeout: 120_000 }, async () => {
    const { infisical, folder, stack, paste } = here;
    const first = await here.newKey('checkout-infisical');
    const second = await here.newKey('checkout-infisical');
    const ROTATION = startRotation(infisical.world, folder, secretName, [first, second]);
    const { id } = folder.secrets.get(secretName) ?? {};
    const steps = blocks("From Infisical's rotation", 'sh');
    const [list, stop, remove, check, apply, off, gone, ...more] = steps;
    expect(more).toEqual([]);
    const stopReader = startReader(folder, stack);

    const listed = JSON.parse(await paste(list)) as { data: Key[] };
    const old = listed.data.filter(({ name }) => name === 'checkout-infisical');
    expect(old).toHaveLength(2);
    await expect(paste(check)).rejects.toMatchObject({
      stdout: expect.stringContaining('owned by a rotation of Infisical'),
    });
    await paste(stop, { ROTATION });
    expect(runSchedule(infisical.world, ROTATION, 'its schedule would publish this')).toBeNull();
    await paste(remove, { ROTATION });
    expect(folder.secrets.get(secretName)).toMatchObject({ id, value: second, version: 1 });
    expect(await paste(check)).toContain('fine');
    await paste(apply);
    expect(folder.secrets.get(secretName)?.id).toBe(id);
    await letGo(off, gone, old);

    await sleep(100);
    expect(await stopReader()).toEqual({ refused: [], values: 2 });
    expect(await here.keys()).toMatchObject([{ name: 'checkout-keyturn', disabled: false }]);
  });

  test('from a key made by hand: no reader is cut off, and no key stays behind', { timeout: 120_000 }, async () => {
    const { folder, stack, paste } = here;
    makeSecret(folder, secretName, await here.newKey('by hand'), 'for the checkout');
    here.infisical.world.changed();
    const [list, check, apply, off, gone, ...more] = blocks('From a key made by hand', 'sh');
    expect(more).toEqual([]);
    const stopReader = startReader(folder, stack);

    const listed = JSON.parse(await paste(list)) as { data: Key[] };
    const old = listed.data.filter(({ name }) => name === 'by hand');
    expect(old).toHaveLength(1);
    expect(await paste(check)).toContain('fine');
    await paste(apply);
    expect(folder.secrets.get(secretName)?.comment).toBe('for the checkout');
    await letGo(off, gone, old);

    await sleep(100);
    expect(await stopReader()).toEqual({ refused: [], values: 2 });
    expect(await here.keys()).toMatchObject([{ name: 'checkout-keyturn', disabled: false }]);
  });
});
