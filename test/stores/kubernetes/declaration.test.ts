import { expect, test } from 'vitest';
import { storeEntry } from '../../../stores/declared-store.ts';
import { addressAt } from '../../../stores/kubernetes/secret-address.ts';

const wrong = (entry: object) =>
  storeEntry
    .safeParse({ kind: 'kubernetes', ...entry })
    .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
const spot = (name: string, field: string | null = 'KEY') => ({ name, field });

test('a cluster is declared by nothing, or by a kubeconfig and how its readers follow', () => {
  expect(storeEntry.parse({ kind: 'kubernetes' })).toEqual({ kind: 'kubernetes', content: { kind: 'kubernetes' } });
  const entry = { kind: 'kubernetes', kubeconfig: { file: './kubeconfig' }, context: 'prod', namespace: 'shop' };
  expect(storeEntry.parse({ ...entry, allowExec: true, readersFollow: '2m' }).content).toMatchObject({
    kubeconfig: { source: 'file', path: './kubeconfig' },
    readersFollow: { at: 'within', ms: 120_000 },
  });
});

test('what is wrong in a declaration is named, with what is allowed', () => {
  expect(wrong({ context: 'prod' })).toEqual([
    'context is about a kubeconfig, and there is none; kubeconfig: { file: PATH } beside it',
  ]);
  expect(wrong({ namespace: 'Shop' })?.[0]).toContain('namespace is not the name of a namespace');
  expect(wrong({ readersFollow: 'soon' })?.[0]).toContain('such as 5m');
  expect(wrong({ kubeconfig: '~/.kube/config' })?.[0]).toContain('{ file: PATH }');
  expect(wrong({ token: 'sk-or-v1-pasted' })?.join()).not.toContain('pasted');
});

test('a spot is a Secret in a namespace, that of the store where it names none', () => {
  expect(addressAt(spot('checkout'), 'shop')).toEqual({ namespace: 'shop', name: 'checkout' });
  expect(addressAt(spot('pay/checkout.v2'), 'shop')).toEqual({ namespace: 'pay', name: 'checkout.v2' });
  expect(addressAt(spot('checkout'), null)).toEqual({ wrong: expect.stringContaining('no namespace is said') });
});

test.each([
  ['OPENROUTER_API_KEY', 'KEY', 'name it in the place'],
  ['a/b/c', 'KEY', 'no name of a Secret'],
  ['../secrets/other', 'KEY', 'no name of a Secret'],
  ['shop/..', 'KEY', 'no name of a Secret'],
  ['checkout?dryRun=All', 'KEY', 'no name of a Secret'],
  ['x'.repeat(254), 'KEY', 'no name of a Secret'],
  ['Shop/checkout', 'KEY', 'no name of a namespace'],
  ['checkout', 'a/b', 'only letters, digits'],
  ['checkout', '..data', 'only letters, digits'],
  ['checkout', 'x'.repeat(254), 'only letters, digits'],
])('%s, field %s, is no spot: nothing of it reaches the path of a request', (name, field, why) => {
  expect(addressAt(spot(name, field), 'shop')).toEqual({ wrong: expect.stringContaining(why) });
});
