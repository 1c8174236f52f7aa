import { describeStore, type StoreUnderTest } from '../conformance.ts';
import { describeOnCluster } from './cluster-under-test.ts';
import { isChange } from './lossy-way.ts';
import { rulesInReadme } from './rules-in-readme.ts';

const key = 'OPENROUTER_API_KEY';
const names = Array.from({ length: 60 }, (_, n) => `conforming-${n}`);

await describeOnCluster('conformance', (cluster) => {
  const { way } = cluster;
  const { existing, making } = rulesInReadme(...names);
  const open = async (kind: 'there' | 'absent'): Promise<StoreUnderTest> => {
    const namespace = await cluster.namespace();
    const token = await cluster.account(namespace, kind === 'there' ? existing : [...existing, ...making]);
    const store = cluster.store(token, namespace, way.url);
    const left = [...names];
    const secretOf = async () => {
      const name = left.shift() ?? '';
      if (kind === 'there') {
        const metadata = { name, labels: { team: 'a' }, annotations: { note: 'by hand' } };
        await cluster.make(namespace, { besides: 'untouched' }, metadata, { type: 'example.com/mixed' });
      }
      return name;
    };
    const once = (fate: 'lose the answer' | 'lose the request') => () => {
      way.fate = (passing) => {
        if (!isChange(passing)) return undefined;
        way.fate = () => undefined;
        return fate;
      };
    };
    return {
      store,
      freshSpot: async () => ({ name: await secretOf(), field: key }),
      fields: async () => {
        const name = await secretOf();
        const besides = async () => {
          const secret = await cluster.get(namespace, name);
          const { besides } = secret?.data ?? {};
          // Labels and annotations of a Secret that Keyturn made come and go with it.
          if (kind === 'absent') return besides;
          return [besides, secret?.type, secret?.metadata.labels, secret?.metadata.annotations];
        };
        return { one: { name, field: 'ONE' }, other: { name, field: 'OTHER' }, besides };
      },
      valueOf: async ({ name, field }) => (await cluster.get(namespace, name))?.data[field ?? ''] ?? null,
      tamper: async ({ name, field }, value) => {
        await cluster.patch(namespace, name, { data: { [field ?? '']: Buffer.from(value).toString('base64') } });
      },
      loseNextAnswer: once('lose the answer'),
      loseNextRequest: once('lose the request'),
      changesSent: () => way.passed.filter(isChange).length,
      close: () => store.close?.(),
    };
  };

  describeStore('a key beside others in a Secret', () => open('there'));
  describeStore('a Secret that is not there yet', () => open('absent'));
});
