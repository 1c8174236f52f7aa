import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readKubeconfig } from '../../../stores/kubernetes/kubeconfig.ts';

const pem = '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');

function config({
  user = {},
  cluster = {},
  context = {},
}: Record<'user' | 'cluster' | 'context', object> | Record<string, object>) {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'prod',
    contexts: [
      { name: 'dev', context: { cluster: 'dev', user: 'dev' } },
      { name: 'prod', context: { cluster: 'main', user: 'keyturn', namespace: 'shop', ...context } },
    ],
    clusters: [
      { name: 'dev', cluster: { server: 'https://dev.example:6443' } },
      { name: 'main', cluster: { server: 'https://prod.example:6443', ...cluster } },
    ],
    users: [
      { name: 'dev', user: { 'auth-provider': { name: 'gcp' } } },
      { name: 'keyturn', user },
    ],
  });
}

describe('a kubeconfig', () => {
  test('is read for its current context, or for the one that is named', () => {
    const text = config({ user: { token: 't0ken' } });
    expect(readKubeconfig(text, undefined)).toEqual({
      server: 'https://prod.example:6443',
      namespace: 'shop',
      ca: null,
      serverName: null,
      skipsVerification: false,
      proxy: null,
      token: { text: 't0ken' },
      clientCertificate: null,
      exec: null,
    });
    expect(() => readKubeconfig(text, 'dev')).toThrow('asks for an auth-provider');
  });

  test('counts as kubectl does: data before a file, a token file before a token', () => {
    const one = readKubeconfig(
      config({
        cluster: { 'certificate-authority': 'ca.crt', 'certificate-authority-data': base64(pem) },
        user: { token: 'old', tokenFile: 'token', 'client-certificate-data': base64(pem), 'client-key': 'key.pem' },
      }),
      undefined,
    );
    expect(one.ca).toEqual({ text: pem });
    expect(one.token).toEqual({ file: 'token' });
    expect(one.clientCertificate).toEqual({ certificate: { text: pem }, key: { file: 'key.pem' } });
  });

  test('tells of a program that it runs, and of one that would ask a person', () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'aws',
      args: ['eks', 'get-token'],
      env: null,
    };
    expect(readKubeconfig(config({ user: { exec } }), undefined).exec).toMatchObject({ command: 'aws', env: {} });
    const asking = { ...exec, interactiveMode: 'Always' };
    expect(() => readKubeconfig(config({ user: { exec: asking } }), undefined)).toThrow('asks a person');
  });

  test.each([
    ['is not YAML', '{ token: "sk-or-v1-secret'],
    ['is not one', 'just words'],
    ['is not one', '[]'],
    ['has no current context', stringify({ contexts: [] })],
    ['lacks its current context', stringify({ 'current-context': 'gone' })],
    ['lacks the cluster', stringify({ 'current-context': 'a', contexts: [{ name: 'a', context: { cluster: 'b' } }] })],
    ['a user whose token is wrong', config({ user: { token: 12 } })],
    ['a user whose exec is wrong', config({ user: { exec: { command: 'aws', apiVersion: 'v1alpha1' } } })],
    ['impersonation', config({ user: { token: 't', as: 'admin' } })],
    ['a user name and password', config({ user: { username: 'a', password: 'sk-or-v1-secret' } })],
    ['a client certificate without its key', config({ user: { 'client-certificate': 'cert.pem' } })],
  ])('that cannot be used says why, and shows nothing of itself: %s', (why, text) => {
    const told = (() => {
      try {
        return readKubeconfig(text, undefined);
      } catch (error) {
        return error as Error;
      }
    })();
    expect(told).toBeInstanceOf(Error);
    expect((told as Error).message).toContain(why);
    expect(`${told} ${JSON.stringify(told)}`).not.toContain('secret');
  });
});
