import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import type { Spot } from '../../../stores/store.ts';
import { failureOf, openUnder, put, type Under, undo, value, writer } from './store-under-test.ts';
import { startRotation } from './stub/rotations.ts';
import { makeSecret, project, type StubSecret } from './stub/world.ts';

let under: Under;
let spot: Spot;
beforeEach(async () => {
  under = await openUnder();
  spot = under.spot();
});
afterEach(() => under.close());

const kept = () => under.folder.secrets.get(spot.name) as StubSecret;
const changes = () => under.infisical.changes().length;
const methods = () => under.infisical.changes().map(({ method }) => method);

describe('what stands beside the value', () => {
  test('tags, comment, metadata and former versions stay as they are', async () => {
    under.set(spot, 'sk-or-v1-old');
    kept().comment = 'for the checkout';
    kept().tags = [{ id: 't1', slug: 'prod', name: 'prod', color: '#fff' }];
    kept().metadata = [{ key: 'owner', value: 'payments' }];
    const before = structuredClone(kept());
    await put(under.store, spot, 'new', 'r1');
    expect(kept()).toMatchObject({
      comment: before.comment,
      tags: before.tags,
      metadata: before.metadata,
      id: before.id,
    });
    expect(kept().history.slice(0, 1)).toEqual(before.history);
    expect(Object.keys(under.infisical.changes()[0]?.body ?? {}).sort()).toEqual(
      ['environment', 'projectId', 'secretPath', 'secretValue', 'type'].sort(),
    );
  });

  test('an imported secret of that name is not the one of this folder', async () => {
    const shared = under.infisical.world.folder('prod', '/shared');
    makeSecret(shared, spot.name, 'sk-or-v1-imported');
    under.folder.imports.push({ environment: 'prod', path: '/shared' });
    expect(await under.store.read(spot, 'checkout')).toEqual({ kind: 'absent' });
    const before = await put(under.store, spot, 'new', 'r1');
    expect(under.valueOf(spot)).toBe('sk-or-v1-new');
    await undo(under.store, spot, before, 'new', 'r1');
    expect(under.valueOf(spot)).toBeNull();
    expect(shared.secrets.get(spot.name)?.value).toBe('sk-or-v1-imported');
  });

  test('a server that answers with another folder’s secret all the same is not believed', async () => {
    makeSecret(under.infisical.world.folder('prod', '/shared'), spot.name, 'sk-or-v1-imported');
    under.infisical.meanwhile = ({ path, method }) =>
      method !== 'GET' || path.endsWith('/login')
        ? undefined
        : {
            status: 200,
            body: {
              secret: {
                ...{ id: 's1', version: 1, secretKey: spot.name, secretValue: 'sk-or-v1-imported' },
                ...{ environment: 'prod', secretPath: '/shared' },
              },
            },
          };
    expect(await under.store.read(spot, 'checkout')).toEqual({ kind: 'absent' });
  });

  test('a reference is captured and put back as it is written, not as it reads', async () => {
    under.set({ name: 'OTHER', field: null }, 'sk-or-v1-other');
    under.set(spot, `\${OTHER}`);
    const before = await put(under.store, spot, 'new', 'r1');
    await undo(under.store, spot, before, 'new', 'r1');
    expect(under.valueOf(spot)).toBe(`\${OTHER}`);
  });
});

describe('a secret of somebody’s making', () => {
  test('is emptied by a removal, with its tags and comment, and can be written again', async () => {
    under.set(spot, 'sk-or-v1-old');
    kept().comment = 'for the checkout';
    await put(under.store, spot, 'new', 'r1');
    expect(await under.store.remove(spot, 'checkout', [digestOf(value('new'))])).toBe('removed');
    expect(kept()).toMatchObject({ value: '', comment: 'for the checkout' });
    expect(await under.store.read(spot, 'checkout')).toEqual({ kind: 'absent' });
    await put(under.store, spot, 'next', 'r2');
    expect(under.valueOf(spot)).toBe('sk-or-v1-next');
    expect(methods()).not.toContain('DELETE');
  });

  test('that was empty is empty again after an undo', async () => {
    under.set(spot, '');
    const before = await put(under.store, spot, 'new', 'r1');
    expect(await undo(under.store, spot, before, 'new', 'r1')).toMatchObject({ end: 'restored' });
    expect(kept().value).toBe('');
  });

  test('that Keyturn has made, and a person has taken over since, is not deleted', async () => {
    await put(under.store, spot, 'one', 'r1');
    expect(kept().comment).toBe('Made by Keyturn.');
    kept().comment = 'ours now';
    await under.store.remove(spot, 'checkout', [digestOf(value('one'))]);
    expect(kept()).toMatchObject({ value: '', comment: 'ours now' });
  });
});

describe('somebody who writes in the moment between a look and the write', () => {
  test('has the last word: theirs is put back, and the rotation is told', async () => {
    under.set(spot, 'sk-or-v1-old');
    const before = await under.store.capture(spot, writer('r1'));
    under.infisical.next({ do: 'between', work: () => under.set(spot, 'sk-or-v1-theirs') });
    const write = under.store.write(spot, value('new'), writer('r1'), before.memento);
    expect((await failureOf(write)).code).toBe('KEYTURN_PLACE_CHANGED');
    expect(under.valueOf(spot)).toBe('sk-or-v1-theirs');
  });

  test('has it over an undo, too', async () => {
    under.set(spot, 'sk-or-v1-old');
    const before = await put(under.store, spot, 'new', 'r1');
    under.infisical.next({ do: 'between', work: () => under.set(spot, 'sk-or-v1-theirs') });
    expect(await undo(under.store, spot, before, 'new', 'r1')).toMatchObject({ end: 'left' });
    expect(under.valueOf(spot)).toBe('sk-or-v1-theirs');
  });

  test('is not noticed where only a comment was written: that raises the number, too', async () => {
    under.set(spot, 'sk-or-v1-old');
    const before = await under.store.capture(spot, writer('r1'));
    under.infisical.next({ do: 'between', work: () => under.set(spot, 'sk-or-v1-old') });
    await under.store.write(spot, value('new'), writer('r1'), before.memento);
    expect(changes()).toBe(1);
    expect(under.valueOf(spot)).toBe('sk-or-v1-new');
  });

  test('is lost where the server shows no former versions, and nothing else is written over it', async () => {
    under.infisical.world.settings.readsVersions = false;
    under.set(spot, 'sk-or-v1-old');
    const before = await under.store.capture(spot, writer('r1'));
    under.infisical.next({ do: 'between', work: () => under.set(spot, 'sk-or-v1-theirs') });
    await under.store.write(spot, value('new'), writer('r1'), before.memento);
    expect(changes()).toBe(1);
    expect(under.valueOf(spot)).toBe('sk-or-v1-new');
  });

  test('who makes the secret is not overwritten by a creation', async () => {
    const before = await under.store.capture(spot, writer('r1'));
    under.infisical.next({ do: 'between', work: () => under.set(spot, 'sk-or-v1-theirs') });
    const write = under.store.write(spot, value('new'), writer('r1'), before.memento);
    expect((await failureOf(write)).code).toBe('KEYTURN_PLACE_CHANGED');
    expect(under.valueOf(spot)).toBe('sk-or-v1-theirs');
  });

  test('who deletes it is not answered by a secret made anew', async () => {
    under.set(spot, 'sk-or-v1-old');
    const before = await under.store.capture(spot, writer('r1'));
    under.infisical.next({ do: 'between', work: () => under.folder.secrets.delete(spot.name) });
    const write = under.store.write(spot, value('new'), writer('r1'), before.memento);
    expect((await failureOf(write)).code).toBe('KEYTURN_PLACE_CHANGED');
    expect(under.valueOf(spot)).toBeNull();
  });
});

test('a worker that was frozen before it sent its write sends nothing when it wakes', async () => {
  under.identity.tokenUses = 1;
  const before = await under.store.capture(spot, writer('r1'));
  under.infisical.meanwhile = ({ path }) => {
    // The login for the write itself: the look before it has used the token up.
    if (path.endsWith('/login') && under.infisical.world.tokens.size === 2) under.time.pass(20_000);
    return undefined;
  };
  const write = () => under.store.write(spot, value('new'), writer('r1'), before.memento);
  expect((await failureOf(write())).message).toContain('took too long to be sent');
  expect(under.valueOf(spot)).toBeNull();
  await write();
  expect(under.valueOf(spot)).toBe('sk-or-v1-new');
});

describe('an answer that may mean anything', () => {
  test('a 500 after the commit is looked at, and nothing is sent again', async () => {
    under.set(spot, 'sk-or-v1-old');
    const before = await under.store.capture(spot, writer('r1'));
    under.infisical.next({ do: '500 after the commit' });
    const { version } = await under.store.write(spot, value('new'), writer('r1'), before.memento);
    expect(version).toMatch(/^2 /);
    expect(changes()).toBe(1);
  });

  test('a lost creation is found, and does not come back as "already exists"', async () => {
    const before = await under.store.capture(spot, writer('r1'));
    under.infisical.next({ do: 'lose answer' });
    await under.store.write(spot, value('new'), writer('r1'), before.memento);
    expect(methods()).toEqual(['POST']);
  });

  test('a lost request is sent once more, not before it could arrive late', async () => {
    under.set(spot, 'sk-or-v1-old');
    const before = await under.store.capture(spot, writer('r1'));
    under.infisical.next({ do: 'lose request' });
    const write = () => under.store.write(spot, value('new'), writer('r1'), before.memento);
    expect(await failureOf(write())).toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE', retryAfterMs: 60_000 });
    await write();
    expect(kept().version).toBe(2);
  });

  for (const [what, answer] of [
    ['a redirect', { status: 307, body: {}, headers: { location: 'https://elsewhere.invalid/' } }],
    ['a proxy', { status: 502, body: 'Bad Gateway' }],
    ['a 200 that says neither secret nor approval', { status: 200, body: { ok: true } }],
    ['a 404 of something in between', { status: 404, body: 'not here' }],
  ] as const) {
    test(`${what} is neither success nor refusal`, async () => {
      under.set(spot, 'sk-or-v1-old');
      const before = await under.store.capture(spot, writer('r1'));
      under.infisical.next({ do: 'answer', answer });
      const write = () => under.store.write(spot, value('new'), writer('r1'), before.memento);
      expect((await failureOf(write())).code).toBe('KEYTURN_STORE_UNAVAILABLE');
      await write();
      expect(under.valueOf(spot)).toBe('sk-or-v1-new');
    });
  }
});

describe('what is refused, with what to do', () => {
  const refusal = async (work: Promise<unknown>) => {
    const failure = await failureOf(work);
    expect(failure).toMatchObject({ code: 'KEYTURN_STORE_REFUSED', kind: 'terminal' });
    return failure.message;
  };

  test('a secret that a rotation of Infisical owns', async () => {
    startRotation(under.infisical.world, under.folder, spot.name, ['sk-or-v1-a', 'sk-or-v1-b']);
    const before = await under.store.capture(spot, writer('r1'));
    const message = await refusal(under.store.write(spot, value('new'), writer('r1'), before.memento));
    expect(message).toContain('docs/from-infisical.md');
    expect(changes()).toBe(0);
  });

  test('an undo that a rule against reused values forbids', async () => {
    under.set(spot, 'sk-or-v1-old');
    const before = await put(under.store, spot, 'new', 'r1');
    under.infisical.world.settings.reuseRule = 5;
    const message = await refusal(undo(under.store, spot, before, 'new', 'r1'));
    expect(message).toContain('switch it off for this folder');
    expect(under.valueOf(spot)).toBe('sk-or-v1-new');
    under.infisical.world.settings.reuseRule = 0;
    await undo(under.store, spot, before, 'new', 'r1');
    expect(under.valueOf(spot)).toBe('sk-or-v1-old');
  });

  for (const how of ['refused', 'masked'] as const) {
    test(`a value that is not shown (${how}): the mask is never taken for one`, async () => {
      under.set(spot, 'sk-or-v1-old');
      under.identity.may.delete('readValue');
      under.infisical.world.settings.hiddenValues = how;
      expect(await refusal(under.store.capture(spot, writer('r1')))).toContain('readValue on secrets');
      expect(await refusal(under.store.read(spot, 'checkout'))).toContain('readValue on secrets');
    });
  }

  test.each(['create', 'edit', 'delete'] as const)('a missing right to %s', async (action) => {
    under.identity.may.delete(action);
    if (action === 'edit') under.set(spot, 'sk-or-v1-old');
    const work = async () => {
      await put(under.store, spot, 'new', 'r1');
      await under.store.remove(spot, 'checkout', [digestOf(value('new'))]);
    };
    expect(await refusal(work())).toContain(`it takes the right to ${action} on secrets (403 PermissionDenied, req-`);
  });

  test('a folder, an environment, a project that is not there, and a project it is not in', async () => {
    const refusedAs = async (declared: object) => refusal((await under.another(declared)).read(spot, 'checkout'));
    expect(await refusedAs({ path: '/nowhere' })).toContain('there is no folder /nowhere in environment prod');
    expect(await refusedAs({ environment: 'dev' })).toContain('in environment dev');
    expect(await refusedAs({ project: 'another' })).toContain('its project is not there');
    under.identity.isMember = false;
    expect(await refusedAs({})).toContain('its identity is not in the project');
  });

  test.each([
    [`a \${REFERENCE}`, 'takes for a reference'],
    [' white space', 'white space around it'],
    ['white space\n', 'white space around it'],
    ['', 'is empty'],
  ])('a value that Infisical would not keep: %j', async (text, why) => {
    const before = await under.store.capture(spot, writer('r1'));
    expect(await refusal(under.store.write(spot, new Secret(text), writer('r1'), before.memento))).toContain(why);
    expect(changes()).toBe(0);
  });

  test.each([
    [{ name: 'KEY', field: 'a' }, 'as a whole'],
    [{ name: 'payments/KEY', field: null }, 'no /'],
    [{ name: ' KEY', field: null }, 'white space'],
  ])('a place that Infisical cannot have: %j', async (wrong, why) => {
    expect(await refusal(under.store.read(wrong, 'checkout'))).toContain(why);
  });
});

describe('versions of the API', () => {
  test.each([
    ['v4', 'includeImports', 'projectId'],
    ['v3', 'include_imports', 'workspaceId'],
  ] as const)('each has other defaults: %s is told everything', async (generation, imports, projectField) => {
    under.infisical.world.settings.generations = new Set([generation]);
    await under.store.read(spot, 'checkout');
    expect(under.infisical.visits.at(-1)?.query).toEqual({
      [projectField]: project,
      environment: 'prod',
      secretPath: '/payments',
      type: 'shared',
      viewSecretValue: 'true',
      expandSecretReferences: 'false',
      [imports]: 'false',
    });
  });

  test('v4 is asked first, and once for all where there is only v3', async () => {
    under.infisical.world.settings.generations = new Set(['v3']);
    await put(under.store, spot, 'one', 'r1');
    await put(under.store, spot, 'two', 'r2');
    expect(under.infisical.visits.filter(({ path }) => path.includes('/v4/'))).toHaveLength(1);
    expect(under.valueOf(spot)).toBe('sk-or-v1-two');
  });

  test('v4 is used where both are there', async () => {
    await put(under.store, spot, 'one', 'r1');
    expect(under.infisical.visits.filter(({ path }) => path.includes('/v3/'))).toEqual([]);
  });

  test('something that is no Infisical is not taken for a folder without the secret', async () => {
    under.infisical.world.settings.generations = new Set();
    expect((await failureOf(under.store.read(spot, 'checkout'))).code).toBe('KEYTURN_STORE_UNAVAILABLE');
  });
});

test('no error has a secret in it, whatever the server says', async () => {
  under.set(spot, 'sk-or-v1-the-former-value');
  const before = await under.store.capture(spot, writer('r1'));
  const failures: unknown[] = [];
  for (const status of [400, 401, 403, 404, 409, 418, 422, 429, 500]) {
    const message = `no: sk-or-v1-new-value ${under.identity.clientSecret} sk-or-v1-the-former-value`;
    const answer = { status, body: { reqId: message, error: message, message, details: { message } } };
    const tries = status === 401 ? 2 : 1;
    for (let n = 0; n < tries; n++) under.infisical.next({ do: 'answer', answer });
    failures.push(await failureOf(under.store.write(spot, value('new-value'), writer(`r${status}`), before.memento)));
    under.infisical.meanwhile = ({ method }) => (method === 'GET' ? answer : undefined);
    failures.push(await failureOf(under.store.read(spot, 'checkout')));
    under.infisical.meanwhile = null;
  }
  const printed = failures.map(
    (failure) => `${inspect(failure, { depth: 9, showHidden: true })}${JSON.stringify(failure)}`,
  );
  expect(printed.join('\n')).not.toMatch(/sk-or-v1|client-secret|ey\./);
});
