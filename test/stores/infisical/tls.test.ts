import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, openUnder, type Under } from './store-under-test.ts';
import { type Infisical, startInfisical } from './stub/stub.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyturn-infisical-'));
const caFile = join(folder, 'ca.pem');
let under: Under;
let guarded: Infisical;
beforeAll(async () => {
  const key = join(folder, 'key.pem');
  const subject = ['-subj', '/CN=infisical', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['-nodes', '-days', '2', '-keyout', key, '-out', caFile];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...subject, ...made],
    {
      stdio: 'ignore',
    },
  );
  under = await openUnder();
  guarded = await startInfisical(under.time.now, { key: readFileSync(key), cert: readFileSync(caFile) });
  guarded.world.folder('prod', '/payments');
  const { clientId, clientSecret } = guarded.identity();
  Object.assign(under.credentials, { ID: clientId, SECRET: clientSecret });
});
afterAll(async () => {
  await under.close();
  await guarded.close();
  rmSync(folder, { recursive: true });
});

test('a server of its own is trusted by the certificates that are declared, and by nothing else', async () => {
  const { url } = guarded;
  const trusted = await under.another({ url, caFile });
  expect(await trusted.read(under.spot(), 'checkout')).toEqual({ kind: 'absent' });
  const asked = guarded.visits.length;
  const failure = await failureOf((await under.another({ url })).read(under.spot(), 'checkout'));
  expect(failure.code).toBe('KEYTURN_STORE_UNAVAILABLE');
  expect(failure.message).toContain('no connection (DEPTH_ZERO_SELF_SIGNED_CERT)');
  expect(guarded.visits).toHaveLength(asked);
});
