import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { ClusterAccess } from '../../../stores/kubernetes/cluster-access.ts';
import { createHttp, type Http } from '../../../stores/kubernetes/http.ts';
import { inClusterAccess } from '../../../stores/kubernetes/in-cluster.ts';
import { kubeconfigAccess } from '../../../stores/kubernetes/kubeconfig-access.ts';
import { secretsApi } from '../../../stores/kubernetes/secrets-api.ts';
import { contextFor, type PretendedCluster, secret, startPretendedCluster, status } from './pretended-cluster.ts';

let cluster: PretendedCluster;
let http: Http;
beforeAll(async () => {
  cluster = await startPretendedCluster();
});
afterAll(() => cluster.close());
beforeEach(() => {
  cluster.visits.length = 0;
  cluster.answer = () => ({ status: 200, json: secret({}) });
  http = createHttp();
});
afterEach(() => http.close());

const asked = { store: 'k8s', place: 'checkout', verb: 'get', at: { namespace: 'shop', name: 'checkout' } } as const;
const look = (access: ClusterAccess) => secretsApi(access, http).get(asked);
const change = (access: ClusterAccess) => {
  const sending = { token: '', mayBeSent: () => {} };
  return secretsApi(access, http).change(
    { method: 'PATCH', path: '/x', body: {} },
    { ...asked, verb: 'patch' },
    sending,
  );
};

type Told = { user?: object; cluster?: object };
type Allowed = { allowExec?: boolean; allowInsecure?: boolean };

/** A cluster behind a kubeconfig in the cluster's folder. */
function through({ user = {}, cluster: told = {} }: Told, allowed: Allowed = {}, env = {}): ClusterAccess {
  const config = {
    'current-context': 'a',
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a', namespace: 'shop' } }],
    clusters: [{ name: 'a', cluster: { server: cluster.url, 'certificate-authority': 'ca.crt', ...told } }],
    users: [{ name: 'a', user }],
  };
  writeFileSync(join(cluster.folder, 'kubeconfig'), stringify(config));
  const declared = { kubeconfig: { source: 'file', path: './kubeconfig' } as const, ...allowed };
  return kubeconfigAccess(declared, contextFor(cluster.folder, env));
}

describe('through a kubeconfig', () => {
  test('files are meant from where it is, and a token is read anew with each call', async () => {
    const access = through({ user: { tokenFile: 'token' } });
    await look(access);
    writeFileSync(join(cluster.folder, 'token'), 'second-token\n');
    await look(access);
    expect(cluster.visits.map(({ bearer }) => bearer)).toEqual(['first-token', 'second-token']);
    expect(await access.place()).toEqual({ server: cluster.url, verifies: true });
  });

  test('a client certificate is shown, and a renewed one is taken without a restart', async () => {
    const access = through({ user: { 'client-certificate': 'client.crt', 'client-key': 'client.key' } });
    await look(access);
    through({ user: { token: 'instead' } });
    await look(access);
    expect(cluster.visits.map(({ certificate, bearer }) => [certificate, bearer])).toEqual([
      ['keyturn', undefined],
      [undefined, 'instead'],
    ]);
  });

  test('another cluster behind the address gets neither request nor token', async () => {
    const told = { 'certificate-authority': 'other.crt' };
    await expect(change(through({ user: { token: 'sesame-token' }, cluster: told }))).rejects.toMatchObject({
      code: 'KEYTURN_STORE_UNAVAILABLE',
      message: expect.stringMatching(/no connection \([A-Z_]*CERT/),
    });
    expect(cluster.visits).toEqual([]);
  });

  test('the name that is verified can be another one than that of the address', async () => {
    await look(through({ cluster: { 'tls-server-name': 'kubernetes.default.svc' } }));
    await expect(look(through({ cluster: { 'tls-server-name': 'other.example' } }))).rejects.toThrow('ALTNAME_INVALID');
    expect(cluster.visits).toHaveLength(1);
  });

  test('what is not verified is refused, unless it is allowed on purpose', async () => {
    const told = { 'certificate-authority': undefined, 'insecure-skip-tls-verify': true };
    await expect(look(through({ cluster: told }))).rejects.toThrow('allowInsecure: true');
    const access = through({ cluster: told }, { allowInsecure: true });
    await look(access);
    expect((await access.place()).verifies).toBe(false);
    await expect(look(through({ cluster: { server: 'http://10.0.0.1' } }))).rejects.toThrow('plain http');
    await expect(look(through({ cluster: { server: 'ftp://10.0.0.1' } }))).rejects.toThrow('no https address');
  });

  test('a proxy is gone through, and what it carries it cannot read', async () => {
    const seen: string[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      seen.push(`${request.url} ${request.headers['proxy-authorization']} ${request.headers.authorization}`);
      const [host, port] = String(request.url).split(':');
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const url = `http://me:pass@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await look(through({ user: { token: 't' }, cluster: { 'proxy-url': url } }));
    const login = Buffer.from('me:pass').toString('base64');
    expect(seen).toEqual([`${new URL(cluster.url).host} Basic ${login} undefined`]);
    expect(cluster.visits).toHaveLength(1);
    await expect(look(through({ cluster: { 'proxy-url': 'socks5://127.0.0.1:1' } }))).rejects.toThrow('proxy-url');
    await http.close();
    proxy.close();
    proxy.closeAllConnections();
  });

  test('one that comes from a variable names no files beside itself', async () => {
    through({ user: { tokenFile: 'token' } });
    const text = readFileSync(join(cluster.folder, 'kubeconfig'), 'utf8');
    const declared = { kubeconfig: { source: 'env', variable: 'KUBECONFIG_TEXT' } as const };
    const access = kubeconfigAccess(declared, contextFor('/', { KUBECONFIG_TEXT: text }));
    await expect(look(access)).rejects.toThrow('kubectl config view --flatten');
  });
});

describe('credentials that a program makes', () => {
  const plugin = (lines: string) => {
    const file = join(cluster.folder, 'login.sh');
    writeFileSync(file, `#!/bin/sh\n${lines}\n`);
    chmodSync(file, 0o755);
    const apiVersion = 'client.authentication.k8s.io/v1';
    const env = [{ name: 'RUNS', value: cluster.folder }];
    return { exec: { apiVersion, command: './login.sh', args: ['$(touch pwned)'], env, provideClusterInfo: true } };
  };
  const answers = (status: object) => `cd "$RUNS"; printf '%s' '${JSON.stringify({ kind: 'ExecCredential', status })}'`;
  const env = { PATH: process.env.PATH };

  test('are had only where that is allowed on purpose', async () => {
    const user = plugin(answers({ token: 'made-token' }));
    await expect(look(through({ user }, {}, env))).rejects.toThrow('allowExec: true');
    expect(cluster.visits).toEqual([]);
    await look(through({ user }, { allowExec: true }, env));
    expect(cluster.visits.map(({ bearer }) => bearer)).toEqual(['made-token']);
    expect(existsSync('pwned')).toBe(false);
  });

  test('are kept until they end or are not accepted, and then had anew', async () => {
    const user = plugin(`cd "$RUNS"; printf '{"kind":"ExecCredential","status":{"token":"t-%s"}}' "$(cat count)"`);
    const count = (text: string) => writeFileSync(join(cluster.folder, 'count'), text);
    count('1');
    const access = through({ user }, { allowExec: true }, env);
    await look(access);
    count('2');
    await look(access);
    cluster.answer = ({ bearer }) =>
      bearer === 't-1' ? status(401, 'Unauthorized') : { status: 200, json: secret({}) };
    await look(access);
    expect(cluster.visits.map(({ bearer }) => bearer)).toEqual(['t-1', 't-1', 't-1', 't-2']);

    const ended = through(
      { user: plugin(answers({ token: 'old', expirationTimestamp: '2020-01-01T00:00:00Z' })) },
      { allowExec: true },
      env,
    );
    await look(ended);
    writeFileSync(join(cluster.folder, 'login.sh'), `#!/bin/sh\n${answers({ token: 'new' })}`);
    await look(ended);
    expect(cluster.visits.map(({ bearer }) => bearer).slice(-2)).toEqual(['old', 'new']);
  });

  test.each([
    ['has failed (exit code 3)', 'echo sesame-token >&2; echo sesame-token; exit 3'],
    ['answers no ExecCredential', 'echo sesame-token'],
    ['answers no ExecCredential', `echo '{"kind":"ExecCredential","status":{"token":["sesame-token"]}}'`],
  ])('that fail say how, and nothing of what was printed: %s', async (how, lines) => {
    const told = await look(through({ user: plugin(lines) }, { allowExec: true }, env)).catch((error) => error);
    expect(told).toMatchObject({ code: 'KEYTURN_CREDENTIAL_UNREADABLE', message: expect.stringContaining(how) });
    expect(`${told.stack} ${JSON.stringify(told)}`).not.toMatch(/sesame|pwned/);
  });

  test('that are not there say so', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-program' };
    await expect(look(through({ user: { exec } }, { allowExec: true }, env))).rejects.toThrow('is not there');
  });
});

describe('in a pod', () => {
  const env = () => ({ KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: new URL(cluster.url).port });

  test("the service account's token is read anew with each call", async () => {
    const put = (name: string, text: string) => writeFileSync(join(cluster.folder, name), text);
    put('namespace', 'shop');
    put('token', 'pod-1');
    const access = inClusterAccess(contextFor('/', env()), cluster.folder);
    await look(access);
    put('token', 'pod-2');
    await look(access);
    expect(cluster.visits.map(({ bearer }) => bearer)).toEqual(['pod-1', 'pod-2']);
    expect(await access.place()).toEqual({ server: cluster.url, verifies: true });
    expect(await access.namespace()).toBe('shop');
  });

  test('a token that ends in the middle is read once more, and the question asked again', async () => {
    writeFileSync(join(cluster.folder, 'token'), 'ended');
    cluster.answer = ({ bearer }) => {
      writeFileSync(join(cluster.folder, 'token'), 'renewed');
      return bearer === 'ended' ? status(401, 'Unauthorized') : { status: 200, json: secret({ A: 'Yg==' }) };
    };
    const access = inClusterAccess(contextFor('/', env()), cluster.folder);
    expect((await look(access))?.data).toEqual({ A: 'Yg==' });
    expect(cluster.visits.map(({ bearer }) => bearer)).toEqual(['ended', 'renewed']);
  });

  test('a write is not sent again for it: the next try has the new token', async () => {
    cluster.answer = () => status(401, 'Unauthorized');
    const access = inClusterAccess(contextFor('/', env()), cluster.folder);
    await expect(change(access)).rejects.toMatchObject({
      code: 'KEYTURN_STORE_UNAVAILABLE',
      message: expect.stringContaining('does not accept its credentials (401 Unauthorized)'),
    });
    expect(cluster.visits).toHaveLength(1);
  });

  test('a worker that is in none says what to declare', async () => {
    const access = inClusterAccess(contextFor('/', {}), cluster.folder);
    await expect(look(access)).rejects.toThrow('kubeconfig: { file: PATH }');
  });

  test('a redirect is not followed: a write would go, token and all, to wherever it leads', async () => {
    cluster.answer = ({ url }) => ({ status: 307, headers: { location: `${cluster.url}/elsewhere${url}` } });
    writeFileSync(join(cluster.folder, 'token'), 'pod');
    const access = inClusterAccess(contextFor('/', env()), cluster.folder);
    await expect(look(access)).rejects.toThrow('it answered 307');
    await expect(change(access)).rejects.toMatchObject({ name: 'InDoubt' });
    expect(cluster.visits).toHaveLength(2);
  });
});
