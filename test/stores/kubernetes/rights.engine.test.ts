import { beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../../secrets/secret.ts';
import { describeOnCluster, type Rule } from './cluster-under-test.ts';
import { rulesInReadme } from './rules-in-readme.ts';

await describeOnCluster('rights', (cluster) => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await cluster.namespace();
  });

  const field = 'OPENROUTER_API_KEY';
  const without = (rules: Rule[], verb: string) =>
    rules
      .map((rule) => ({ ...rule, verbs: rule.verbs.filter((one) => one !== verb) }))
      .filter(({ verbs }) => verbs.length > 0);
  const asked = async (name: string, rules: Rule[]) => {
    const store = cluster.store(await cluster.account(namespace, rules), namespace);
    const check = await store.check({ name, field }, 'checkout');
    await store.close?.();
    const missing = check.rights.filter(({ granted }) => granted !== true).map(({ right }) => right);
    return { ...check, missing, all: check.rights.map(({ right }) => right) };
  };

  describe('the rights of the README', () => {
    test('are enough for a Secret that is there, and each that is missing is named', async () => {
      const name = await cluster.make(namespace, { besides: 'x' });
      const { existing } = rulesInReadme(name);
      const all = [`get secrets/${name} in namespace ${namespace}`, `patch secrets/${name} in namespace ${namespace}`];
      expect(await asked(name, existing)).toMatchObject({ all, missing: [], refusal: null, warnings: [] });
      for (const verb of ['get', 'patch']) {
        expect(await asked(name, without(existing, verb))).toMatchObject({
          all,
          missing: [`${verb} secrets/${name} in namespace ${namespace}`],
          refusal: null,
        });
      }
      expect((await asked(name, [])).missing).toEqual(all);
      expect((await cluster.get(namespace, name))?.data).toEqual({ besides: 'x' });
    });

    test('are enough to make a Secret, and each that is missing is named', async () => {
      const name = cluster.fresh('to-be-made');
      const { existing, making } = rulesInReadme(name);
      const rules = [...existing, ...making];
      const right = (verb: string) =>
        verb === 'create'
          ? `create secrets in namespace ${namespace}`
          : `${verb} secrets/${name} in namespace ${namespace}`;
      const all = ['get', 'patch', 'create', 'delete'].map(right);
      expect(await asked(name, rules)).toMatchObject({ all, missing: [], refusal: null, warnings: [] });
      for (const verb of ['patch', 'create', 'delete']) {
        expect(await asked(name, without(rules, verb))).toMatchObject({ all, missing: [right(verb)], refusal: null });
      }
      expect((await asked(name, without(rules, 'get'))).missing).toEqual([right('get')]);
      expect(await cluster.get(namespace, name)).toBeNull();
    });

    test('lead to no other Secret, and to no other namespace', async () => {
      const name = await cluster.make(namespace, {});
      const other = await cluster.make(namespace, {});
      const { existing } = rulesInReadme(name);
      expect((await asked(other, existing)).missing).toHaveLength(2);
      const elsewhere = await cluster.namespace();
      expect((await asked(`${elsewhere}/${name}`, existing)).missing).toHaveLength(2);
    });
  });

  test('a right that is taken away later is named by the write that needs it, and nothing is lost', async () => {
    const name = await cluster.make(namespace, { [field]: 'sk-or-v1-old' });
    const store = cluster.store(
      await cluster.account(namespace, without(rulesInReadme(name).existing, 'patch')),
      namespace,
    );
    const writer = { policy: 'checkout', rotationId: 'r1' };
    const { memento } = await store.capture({ name, field }, writer);
    const told = await store
      .write({ name, field }, new Secret('sk-or-v1-new'), writer, memento)
      .catch((error) => error);
    expect(told).toMatchObject({
      code: 'KEYTURN_STORE_REFUSED',
      kind: 'terminal',
      message: expect.stringContaining(`it takes the right to patch secrets/${name} in namespace ${namespace}`),
    });
    expect(told.message).toMatch(/\(403 Forbidden, audit id [0-9a-f-]{36}\)/);
    expect((await cluster.get(namespace, name))?.data).toEqual({ [field]: 'sk-or-v1-old' });
    await store.close?.();
  });

  test('an account that is gone says so, and another one is taken without a restart', async () => {
    const name = await cluster.make(namespace, { [field]: 'sk-or-v1-old' });
    const { existing } = rulesInReadme(name);
    const token = await cluster.account(namespace, existing);
    const store = cluster.store(token, namespace);
    // Before it is used: what a cluster has accepted once, it accepts for ten seconds more.
    await cluster.must('DELETE', `/api/v1/namespaces/${namespace}/serviceaccounts`);
    await expect(store.read({ name, field }, '')).rejects.toMatchObject({
      code: 'KEYTURN_STORE_UNAVAILABLE',
      kind: 'transient',
      message: expect.stringMatching(/does not accept its credentials \(401 Unauthorized, audit id/),
    });
    await expect(store.check({ name, field }, '')).rejects.toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE' });
    store.becomes(await cluster.account(namespace, existing));
    expect(await store.read({ name, field }, '')).toMatchObject({ kind: 'held' });
    await store.close?.();
  });
});
