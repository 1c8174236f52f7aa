import { randomUUID } from 'node:crypto';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import { awsSecretsManager } from '../../../stores/aws-secrets-manager/kind.ts';
import { withField } from '../../../stores/json-field.ts';
import { openAwsWorld } from '../aws/aws-world.ts';
import { labelsOf, textOf, writeAsStranger } from './application.ts';

const world = await openAwsWorld();
if ('unavailable' in world) console.warn(`Not tested: two policies on one secret of AWS. ${world.unavailable}`);

describe.skipIf('unavailable' in world)('two policies on two fields of one secret of AWS', () => {
  if ('unavailable' in world) return;
  const { secrets, open } = world;
  afterAll(() => world.close());

  test('100 rotations each at once, every seventh undone, while a person edits a third field: nothing is lost', async () => {
    const name = `prod/${randomUUID()}`;
    const text = '{ "first": "", "n": 1.0, "hand": "0", "second": "" }';
    await secrets.send(new CreateSecretCommand({ Name: name, SecretString: text }));
    let isDone = false;

    async function rotations(field: string): Promise<string> {
      const store = await open(awsSecretsManager);
      const spot = { name, field };
      let held = '';
      for (let n = 1; n <= 100; n++) {
        const value = new Secret(`sk-or-v1-${field}-${n}`);
        const writer = { policy: field, rotationId: `r${n}` };
        // As the saga does: each step again while it is told to.
        const { memento } = await patiently(() => store.capture(spot, writer));
        await patiently(() => store.write(spot, value, writer, memento));
        expect(await patiently(() => store.read(spot, field))).toMatchObject({ kind: 'held', value });
        if (n % 7 === 0) {
          const undone = await patiently(() => store.restore(spot, memento, writer, digestOf(value), null));
          expect(undone.end).toBe('restored');
        } else held = value.reveal();
      }
      return held;
    }

    async function edits(): Promise<string> {
      let last = '0';
      for (let n = 1; !isDone; n++) {
        last = String(n);
        await writeAsPerson(last);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      return last;
    }

    async function writeAsPerson(hand: string): Promise<void> {
      for (;;) {
        const { AWSCURRENT } = await labelsOf(secrets, name);
        const now = (await textOf(secrets, name)) ?? '';
        if (await writeAsStranger(secrets, name, withField(now, 'hand', hand), AWSCURRENT)) return;
      }
    }

    const editing = edits();
    const [first, second] = await Promise.all([rotations('first'), rotations('second')]).finally(() => {
      isDone = true;
    });
    const hand = await editing;
    expect(await textOf(secrets, name)).toBe(
      `{ "first": "${first}", "n": 1.0, "hand": "${hand}", "second": "${second}" }`,
    );
    const labels = Object.keys(await labelsOf(secrets, name)).filter((label) => label.startsWith('keyturn-'));
    expect(labels.length).toBe(2);
  }, 300_000);
});

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { kind?: string }).kind !== 'transient' || attempt === 10) throw error;
    }
  }
}
