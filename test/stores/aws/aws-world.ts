import { setTimeout as sleep } from 'node:timers/promises';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { Secret } from '../../../secrets/secret.ts';
import type { SecretReference } from '../../../secrets/secret-reference.ts';
import type { StoreContext, StoreKind } from '../../../stores/kind.ts';
import type { Store } from '../../../stores/store.ts';
import { startMoto } from '../../keyring/moto.ts';
import { type AwsProxy, startAwsProxy } from './aws-proxy.ts';

export const region = 'eu-central-1';

/** moto, a proxy before it for the stores, and clients of AWS's SDK that go past the proxy, as applications do. */
export type AwsWorld = {
  moto: string;
  proxy: AwsProxy;
  secrets: SecretsManagerClient;
  parameters: SSMClient;
  /** A store as keyturn.yaml would declare it; `credentials` are what its references lead to. */
  open: (kind: StoreKind, declared?: Record<string, unknown>, context?: Partial<StoreContext>) => Promise<Store>;
  credentials: Map<string, string>;
  close: () => Promise<void>;
};

export async function openAwsWorld(): Promise<AwsWorld | { unavailable: string }> {
  const engine = await startMoto();
  if ('unavailable' in engine) return engine;
  const moto = String(engine.env.AWS_ENDPOINT_URL_KMS);
  const proxy = await startAwsProxy(moto);
  const settings = { endpoint: moto, region, credentials: { accessKeyId: 'app', secretAccessKey: 'app' } };
  const secrets = new SecretsManagerClient(settings);
  const parameters = new SSMClient(settings);
  const credentials = new Map([
    ['ID', 'keyturn'],
    ['KEY', 'its-secret-key'],
  ]);
  const opened: Store[] = [];

  return {
    moto,
    proxy,
    secrets,
    parameters,
    credentials,
    async open(kind, declared = {}, context = {}) {
      const content = kind.schema.parse({
        kind: kind.kind,
        region,
        endpoint: proxy.url,
        accessKeyId: { env: 'ID' },
        secretAccessKey: { env: 'KEY' },
        ...declared,
      });
      const store = await kind.open(content, {
        name: 'aws',
        folder: '/',
        env: {},
        secret: async (reference: SecretReference) =>
          new Secret(credentials.get(reference.source === 'env' ? reference.variable : '') ?? ''),
        time: { now: Date.now, wait: sleep },
        ...context,
      });
      opened.push(store);
      return store;
    },
    async close() {
      await Promise.all(opened.map((store) => store.close?.()));
      secrets.destroy();
      parameters.destroy();
      await proxy.close();
      await engine.close();
    },
  };
}
