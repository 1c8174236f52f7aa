import { expect, test } from 'vitest';
import { environmentNotes } from '../../secrets/environment-notes.ts';

test('an address of the environment that secrets would go to is shown, without the password in it', () => {
  const notes = environmentNotes({
    AWS_ENDPOINT_URL: 'http://127.0.0.1:5000',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: 'https://elsewhere.example/path?token=hidden',
    HTTPS_PROXY: 'http://ada:hidden@proxy.example:3128',
    http_proxy: 'ada:hidden@proxy.example:3128',
    NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    AWS_REGION: 'eu-central-1',
  });
  expect(notes).toEqual([
    'AWS_ENDPOINT_URL: requests to AWS go to http://127.0.0.1:5000.',
    'AWS_ENDPOINT_URL_SECRETS_MANAGER: requests to AWS (SECRETS_MANAGER) go to https://elsewhere.example.',
    'HTTPS_PROXY: a proxy, http://proxy.example:3128; Node does not use it without NODE_USE_ENV_PROXY=1.',
    expect.stringMatching(/^http_proxy: a proxy, /),
    'NODE_EXTRA_CA_CERTS: certificates of /etc/ca.pem are trusted too.',
    expect.stringContaining('no certificate is checked'),
  ]);
  expect(notes.join()).not.toContain('hidden');
});

test('a proxy that Node uses is not said to be idle', () => {
  const [note] = environmentNotes({ HTTPS_PROXY: 'http://proxy:1', NODE_USE_ENV_PROXY: '1' });
  expect(note).toBe('HTTPS_PROXY: a proxy, http://proxy:1.');
});

test('nothing set, nothing said', () => {
  expect(environmentNotes({ PATH: '/bin', HTTPS_PROXY: '', NODE_TLS_REJECT_UNAUTHORIZED: '1' })).toEqual([]);
});
