import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import type { Spot, Store } from '../../../stores/store.ts';
import { describeOnCluster } from './cluster-under-test.ts';

await describeOnCluster('refusals and warnings', (cluster) => {
  let namespace: string;
  let store: Store;
  beforeAll(async () => {
    namespace = await cluster.namespace();
    store = cluster.store(cluster.adminToken, namespace);
  });
  afterAll(() => store?.close?.());

  const field = 'KEY';
  const writer = { policy: 'checkout', rotationId: 'r1' };
  const owner = (more: object = {}) => ({
    ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'ExternalSecret', name: 'checkout', uid: 'u-1', ...more }],
  });

  async function tryWrite(spot: Spot): Promise<unknown> {
    const { memento } = await store.capture(spot, writer);
    return store.write(spot, new Secret('sk-or-v1-new'), writer, memento).catch((error) => error);
  }

  describe('is not written, and both check and write say why:', () => {
    test.each<[string, string, object, object]>([
      ['immutable', 'the Secret is immutable', {}, { immutable: true }],
      ['its controller', 'owned by ExternalSecret checkout', owner({ controller: true }), {}],
      ['sealed', 'a SealedSecret', { annotations: { 'sealedsecrets.bitnami.com/managed': 'true' } }, {}],
      ['CSI', 'Secrets Store CSI', { labels: { 'secrets-store.csi.k8s.io/managed': 'true' } }, {}],
      ['replica', 'Reflector', { annotations: { 'reflector.v1.k8s.emberstack.com/reflects': 'a/b' } }, {}],
      ['Helm release', 'where Helm keeps a release', {}, { type: 'helm.sh/release.v1' }],
    ])('%s', async (_, why, metadata, more) => {
      const name = await cluster.make(namespace, { [field]: 'old', other: 'x' }, metadata, more);
      const spot = { name, field };
      expect((await store.check(spot, 'checkout')).refusal).toContain(why);
      expect(await tryWrite(spot)).toMatchObject({
        code: 'KEYTURN_STORE_REFUSED',
        message: expect.stringContaining(why),
      });
      expect((await cluster.get(namespace, name))?.data).toEqual({ [field]: 'old', other: 'x' });
      // A management key may come out of it all the same.
      expect(await store.read(spot, '')).toMatchObject({ kind: 'held' });
    });

    test('a key that an ExternalSecret fills, but not the one beside it', async () => {
      const name = await cluster.make(
        namespace,
        { besides: 'x' },
        { labels: { 'reconcile.external-secrets.io/managed': 'true' } },
      );
      const path = `/api/v1/namespaces/${namespace}/secrets/${name}?fieldManager=externalsecrets.external-secrets.io/checkout`;
      const theirs = { data: { [field]: Buffer.from('theirs').toString('base64') } };
      await cluster.must('PATCH', path, theirs, 'application/merge-patch+json');
      expect((await store.check({ name, field }, 'checkout')).refusal).toContain('filled by an ExternalSecret');
      const beside = await store.check({ name, field: 'OTHER' }, 'checkout');
      expect(beside).toMatchObject({
        refusal: null,
        warnings: [expect.stringContaining('ExternalSecret fills other keys')],
      });
    });

    test('a namespace that is not there', async () => {
      const spot = { name: 'nowhere/checkout', field };
      expect((await store.check(spot, 'checkout')).refusal).toBe('there is no namespace nowhere');
      expect(await store.read(spot, 'checkout')).toEqual({ kind: 'absent' });
      expect(await tryWrite(spot)).toMatchObject({ message: expect.stringContaining('there is no namespace nowhere') });
    });

    test('a namespace that is being deleted', async () => {
      const going = await cluster.namespace();
      await cluster.must('DELETE', `/api/v1/namespaces/${going}`);
      const spot = { name: `${going}/checkout`, field };
      expect((await store.check(spot, 'checkout')).refusal).toBe(`namespace ${going} is being deleted`);
      expect(await tryWrite(spot)).toMatchObject({
        message: expect.stringContaining(`namespace ${going} is being deleted`),
      });
    });

    test('a type whose data has a form of its own: the cluster itself says no, before a key is made', async () => {
      const data = { '.dockerconfigjson': '{"auths":{}}' };
      const name = await cluster.make(namespace, data, {}, { type: 'kubernetes.io/dockerconfigjson' });
      const spot = { name, field: '.dockerconfigjson' };
      expect((await store.check(spot, 'checkout')).refusal).toMatch(/would not be valid: FieldValue\w+ \(422 Invalid/);
      expect(await tryWrite(spot)).toMatchObject({ message: expect.stringContaining('would not be valid') });
      expect((await cluster.get(namespace, name))?.data).toEqual(data);
    });

    test('a Secret that is full', async () => {
      const name = await cluster.make(namespace, { big: 'x'.repeat(1_048_570) });
      expect((await store.check({ name, field }, 'checkout')).refusal).toMatch(/would not be valid: FieldValueTooLong/);
      expect(await tryWrite({ name, field })).toMatchObject({ message: expect.stringContaining('FieldValueTooLong') });
    });

    test('one of several keys that is not named, and a first one that has no name', async () => {
      const several = { name: await cluster.make(namespace, { A: 'a', B: 'b' }), field: null };
      expect((await store.check(several, 'checkout')).refusal).toContain('has several keys; say which');
      await expect(store.capture(several, writer)).rejects.toThrow('has several keys; say which');
      for (const name of [await cluster.make(namespace, {}), cluster.fresh('absent')]) {
        expect((await store.check({ name, field: null }, 'checkout')).refusal).toContain(
          'no key of the Secret is named',
        );
        expect(await tryWrite({ name, field: null })).toMatchObject({ code: 'KEYTURN_STORE_REFUSED' });
      }
    });
  });

  test('a place without a field is the only key that there is', async () => {
    const name = await cluster.make(namespace, { only: 'sk-or-v1-old' });
    const spot = { name, field: null };
    const { memento } = await store.capture(spot, writer);
    await store.write(spot, new Secret('sk-or-v1-new'), writer, memento);
    expect((await cluster.get(namespace, name))?.data).toEqual({ only: 'sk-or-v1-new' });
    // One address for both ways to name it: what has the whole, and what one key, is for the lease to tell apart.
    expect(await store.addressOf(spot)).toBe(await store.addressOf({ name: `${namespace}/${name}`, field: 'only' }));
    expect(await store.remove(spot, 'checkout', [digestOf(new Secret('sk-or-v1-new'))])).toBe('removed');
    expect(await store.remove(spot, 'checkout', [])).toBe('removed');
    expect((await cluster.get(namespace, name))?.data).toEqual({});
  });

  describe('is written, with a warning:', () => {
    test.each<[string, object]>([
      ['Argo CD', { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/Secret:shop/checkout' } }],
      ['Argo CD', { labels: { 'argocd.argoproj.io/instance': 'shop' } }],
      ['Flux', { labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop' } }],
      [
        'Helm',
        { annotations: { 'meta.helm.sh/release-name': 'shop' }, labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
      ],
      ['managed by our-operator', { labels: { 'app.kubernetes.io/managed-by': 'our-operator' } }],
      ['SealedSecret fills keys', { annotations: { 'sealedsecrets.bitnami.com/patch': 'true' } }],
      ['deleted together with ExternalSecret checkout', owner()],
    ])('%s', async (what, metadata) => {
      const name = await cluster.make(namespace, { other: 'x' }, metadata);
      const check = await store.check({ name, field }, 'checkout');
      expect(check).toMatchObject({ refusal: null, warnings: [expect.stringContaining(what)] });
      expect(await tryWrite({ name, field })).toMatchObject({ version: expect.any(String) });
      const after = await cluster.get(namespace, name);
      expect(after?.metadata).toMatchObject(metadata);
    });

    test('a key that server-side apply, or kubectl apply, would put back', async () => {
      const name = cluster.fresh('applied');
      const path = `/api/v1/namespaces/${namespace}/secrets/${name}?fieldManager=our-pipeline`;
      const data = { [field]: Buffer.from('sk-or-v1-hidden').toString('base64') };
      const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data };
      await cluster.must('PATCH', path, object, 'application/apply-patch+yaml');
      const lastApplied = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) };
      await cluster.patch(namespace, name, { metadata: { annotations: lastApplied } });
      const { warnings } = await store.check({ name, field }, 'checkout');
      expect(warnings).toEqual([
        expect.stringContaining('our-pipeline has written the key'),
        expect.stringContaining('kubectl apply has written the key'),
      ]);
      expect(warnings.join()).not.toMatch(/hidden|aGlkZGVu/);
      expect((await store.check({ name, field: 'OTHER' }, 'checkout')).warnings).toEqual([]);
    });

    test('but not where a person made the key by hand, or Keyturn did', async () => {
      const name = cluster.fresh('by-hand');
      const data = { [field]: Buffer.from('old').toString('base64') };
      const path = `/api/v1/namespaces/${namespace}/secrets?fieldManager=kubectl-create`;
      await cluster.must('POST', path, { metadata: { name }, data });
      expect((await store.check({ name, field }, 'checkout')).warnings).toEqual([]);
      await tryWrite({ name, field });
      expect((await store.check({ name, field }, 'checkout')).warnings).toEqual([]);
    });
  });
});
