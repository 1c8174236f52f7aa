import { dirname, isAbsolute, resolve } from 'node:path';
import { fault } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import type { SecretReference } from '../../secrets/secret-reference.ts';
import type { StoreContext } from '../kind.ts';
import { asServer, type Cluster, type ClusterAccess, serverOf } from './cluster-access.ts';
import { execCredentials } from './exec-credentials.ts';
import { type KubeconfigContext, type Pem, readKubeconfig, UnusableKubeconfig } from './kubeconfig.ts';

type Declared = {
  kubeconfig: SecretReference;
  context?: string | undefined;
  allowExec?: boolean | undefined;
  allowInsecure?: boolean | undefined;
};

/** The cluster of one context of a kubeconfig, which is read anew with each call. */
export function kubeconfigAccess(declared: Declared, context: StoreContext): ClusterAccess {
  const unusable = (why: string) =>
    fault('KEYTURN_CREDENTIAL_UNREADABLE', `store "${context.name}"`, `the kubeconfig ${why}`);
  // Paths in a kubeconfig are meant from where it is.
  const folder =
    declared.kubeconfig.source === 'file' ? dirname(resolve(context.folder, declared.kubeconfig.path)) : null;
  const plugin = execCredentials({ env: context.env, folder, now: context.time.now, failed: unusable });

  async function configured(): Promise<KubeconfigContext & { url: URL }> {
    const text = await context.secret(declared.kubeconfig);
    const one = read(text);
    const url = serverOf(one.server);
    if (url === null) throw unusable('has a server that is no https address');
    refuseInsecure(one, url);
    if (one.exec !== null && !declared.allowExec) {
      throw unusable('runs a program for its credentials (exec); allowExec: true in keyturn.yaml allows that');
    }
    return { ...one, url };
  }

  function read(text: Secret): KubeconfigContext {
    try {
      return readKubeconfig(text.reveal(), declared.context);
    } catch (error) {
      if (error instanceof UnusableKubeconfig) throw unusable(error.message);
      throw unusable('is not one');
    }
  }

  function refuseInsecure({ skipsVerification, proxy }: KubeconfigContext, url: URL): void {
    if (proxy !== null && serverOf(proxy.replace(/\/\/[^/@]*@/, '//')) === null) {
      throw unusable('has a proxy-url that is neither http nor https');
    }
    if (declared.allowInsecure) return;
    const say = 'allowInsecure: true in keyturn.yaml allows that';
    if (skipsVerification) throw unusable(`does not verify who the cluster is (insecure-skip-tls-verify); ${say}`);
    // `kubectl proxy` listens there.
    const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
    if (url.protocol === 'http:' && !isLoopback) throw unusable(`sends keys over plain http; ${say}`);
  }

  async function fileOf(path: string): Promise<Secret> {
    if (folder === null && !isAbsolute(path)) {
      throw unusable(
        'names a file by a relative path, and is no file itself; kubectl config view --flatten puts all in one',
      );
    }
    return context.secret({ source: 'file', path: resolve(folder ?? '/', path) });
  }

  const pemOf = async (pem: Pem): Promise<Secret> => ('text' in pem ? new Secret(pem.text) : fileOf(pem.file));

  async function bearerOf({ token }: KubeconfigContext): Promise<Secret | null> {
    if (token === null) return null;
    return 'text' in token ? new Secret(token.text) : fileOf(token.file);
  }

  return {
    async place() {
      const one = await configured();
      return { server: asServer(one.url), verifies: !one.skipsVerification };
    },

    async namespace() {
      return (await configured()).namespace;
    },

    async now() {
      const one = await configured();
      const ca = one.ca === null ? null : (await pemOf(one.ca)).reveal();
      const cluster: Cluster = {
        server: asServer(one.url),
        tls: { ca, serverName: one.serverName, verify: !one.skipsVerification, client: null },
        proxy: one.proxy,
        bearer: await bearerOf(one),
      };
      if (one.clientCertificate !== null) {
        const { certificate, key } = one.clientCertificate;
        cluster.tls.client = { certificate: (await pemOf(certificate)).reveal(), key: await pemOf(key) };
      }
      // A token that is written down counts more, as kubectl has it.
      if (one.exec === null || cluster.bearer !== null) return cluster;
      const made = await plugin.current(one.exec, cluster);
      return {
        ...cluster,
        bearer: made.bearer,
        tls: { ...cluster.tls, client: made.client ?? cluster.tls.client },
      };
    },

    notAccepted: () => plugin.forget(),
  };
}
