import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fault } from '../../../errors/keyturn-error.ts';
import type { SecretReference } from '../../../secrets/secret-reference.ts';
import type { StoreContext } from '../../../stores/kind.ts';
import { openStores } from '../../../stores/open-stores.ts';

/** Who came with a request, as an apiserver would find out. */
export type Visit = { method: string; url: string; bearer: string | undefined; certificate: string | undefined };
type Answer = { status: number; json?: unknown; headers?: Record<string, string> };

export type PretendedCluster = {
  url: string;
  /** A folder with ca.crt, client.crt and client.key; the server's certificate is for `kubernetes.default.svc`. */
  folder: string;
  visits: Visit[];
  /** What is answered from now on. */
  answer: (visit: Visit) => Answer;
  close(): Promise<void>;
};

/** TLS as a cluster has it, with answers that are arranged: for what a real one cannot be brought to at will. */
export async function startPretendedCluster(): Promise<PretendedCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-cluster-'));
  makeCertificates(folder);
  const read = (name: string) => readFileSync(join(folder, name));
  const cluster: Omit<PretendedCluster, 'url' | 'close'> = {
    folder,
    visits: [],
    answer: () => ({ status: 200, json: secret({}) }),
  };
  const tls = { key: read('server.key'), cert: read('server.crt'), ca: read('ca.crt'), requestCert: true };
  const server = createServer(
    { ...tls, rejectUnauthorized: false },
    (request: IncomingMessage, response: ServerResponse) => {
      const visit = {
        method: request.method ?? '',
        url: request.url ?? '',
        bearer: request.headers.authorization?.replace('Bearer ', ''),
        certificate: (request.socket as TLSSocket).getPeerCertificate()?.subject?.CN as string | undefined,
      };
      cluster.visits.push(visit);
      const { status, json, headers } = cluster.answer(visit);
      request.resume();
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(json ?? {}));
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(cluster, {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  });
}

/** What a store is opened with; references as keyturn.yaml has them. */
export function contextFor(folder: string, env: Record<string, string | undefined> = {}, now = Date.now): StoreContext {
  const time = { now, wait: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)) };
  const stores = openStores({ declared: new Map(), folder, env, local: () => Promise.reject() as never, time });
  return {
    name: 'k8s',
    folder,
    env,
    time,
    secret: (reference: SecretReference) =>
      stores.secret(reference, (why) => fault('KEYTURN_CREDENTIAL_UNREADABLE', 'store "k8s"', why)),
  };
}

export function secret(data: Record<string, string>, metadata: object = {}) {
  return { kind: 'Secret', type: 'Opaque', metadata: { uid: 'u1', resourceVersion: '7', ...metadata }, data };
}

export function status(code: number, reason: string, more: object = {}) {
  return { status: code, json: { kind: 'Status', status: 'Failure', reason, code, ...more } };
}

function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=cluster');
  const signed = ['-x509', '-CA', 'ca.crt', '-CAkey', 'ca.key'];
  const names = ['-addext', 'subjectAltName=DNS:kubernetes.default.svc,IP:127.0.0.1'];
  openssl('req', ...signed, ...key, '-keyout', 'server.key', '-out', 'server.crt', '-subj', '/CN=apiserver', ...names);
  openssl('req', ...signed, ...key, '-keyout', 'client.key', '-out', 'client.crt', '-subj', '/CN=keyturn');
  openssl('req', '-x509', ...key, '-keyout', 'other.key', '-out', 'other.crt', '-subj', '/CN=another cluster');
  writeFileSync(join(folder, 'token'), 'first-token\n');
}
