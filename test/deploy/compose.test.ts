import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readKeyturnYaml } from '../../config/keyturn-yaml.ts';
import { openKeyringFrom } from '../../keyring/keyring-source.ts';
import { readComposeFile, readVaultComposeFile } from './compose-file.ts';

// Whether the file is what the compose specification asks is for its own code to say: test/production.

const { services, networks, volumes, secrets } = readComposeFile();
const all = Object.entries(services);
const jobs = ['schema', 'namespace', 'setup', 'keyturn'];

describe.each(all)('service %s', (name, service) => {
  test('depends on services that are there, each for what it can be', () => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const { healthcheck, build, restart } = services[other] ?? expect.fail(`${other} is no service`);
      // Keyturn's image has a health check of its own.
      if (condition === 'service_healthy') expect(healthcheck?.test ?? build, other).toBeDefined();
      else expect([condition, restart], other).toEqual(['service_completed_successfully', 'no']);
    }
  });

  test('uses secrets, networks and volumes that are declared', () => {
    for (const secret of service.secrets ?? []) expect(Object.keys(secrets)).toContain(secret);
    for (const network of service.networks ?? []) expect(Object.keys(networks)).toContain(network);
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      if (!source.startsWith('.')) expect(Object.keys(volumes)).toContain(source);
    }
  });

  test('reads each secret that it is given, and only those', () => {
    const text = JSON.stringify([service.environment, service.command]);
    const read = new Set([...text.matchAll(/\/run\/secrets\/([a-z-]+)/g)].map(([, secret]) => secret));
    // These are read through keyturn.yaml.
    const declared = ['keyring', 'openrouter-management-key'];
    const given = (service.secrets ?? []).filter((secret) => !declared.includes(secret));
    expect([...read].sort()).toEqual(given.sort());
  });

  test('may do no more than it needs', () => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: jobs.includes(name) ? 'no' : 'unless-stopped',
    });
    expect(service).not.toHaveProperty('privileged');
  });

  test('is a version that stays what it is', () => {
    expect(service.image).toMatch(/^[a-z/-]+:\d+\.\d+(\.\d+)?$/);
  });
});

test('only what a browser asks is published, and to this machine alone', () => {
  const published = Object.fromEntries(all.flatMap(([name, { ports }]) => (ports ? [[name, ports]] : [])));
  expect(published).toEqual({ ui: ['127.0.0.1:8080:8080'], 'codec-server': ['127.0.0.1:8088:8088'] });
});

test('database and Temporal have no way to the outside', () => {
  const outside = Object.keys(networks).filter((name) => networks[name]?.internal !== true);
  const who = all.filter(([, service]) => service.networks?.some((network) => outside.includes(network)));
  expect(outside).toEqual(['outside']);
  expect(who.map(([name]) => name).sort()).toEqual(['codec-server', 'keyturn', 'ui', 'worker']);
});

test('no secret stands in the file', () => {
  const names = all.flatMap(([, { environment }]) => Object.keys(environment ?? {}));
  expect(names.filter((name) => /(PASSWORD|PWD|API_KEY|_DATA|KEYRING|CODEC_TOKENS)$/.test(name))).toEqual([]);
  for (const { file } of Object.values(secrets)) expect(file).toMatch(/^\.\/secrets\//);
});

const keyturns = all.filter(([, { build }]) => build !== undefined);

test('two workers keep nothing, and have time to end their steps', () => {
  expect(services.worker).toMatchObject({ deploy: { replicas: 2 }, stop_grace_period: '60s' });
  expect(keyturns.map(([name]) => name).sort()).toEqual(['codec-server', 'keyturn', 'setup', 'worker']);
  const mounts = keyturns.flatMap(([, { volumes: mounted = [] }]) => mounted);
  expect(mounts.filter((mount) => !mount.startsWith('./') || !mount.endsWith(':ro'))).toEqual([]);
  expect(Object.keys(volumes)).toEqual(['postgres']);
  expect(readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')).not.toMatch(/^VOLUME/m);
});

test('whoever needs the keyring is given it, and the file that says where it is', () => {
  for (const [name, { secrets: given, volumes: mounted, environment }] of keyturns) {
    if (name === 'setup') continue;
    expect(given, name).toContain('keyring');
    expect(mounted, name).toContain('./keyturn.yaml:/etc/keyturn/keyturn.yaml:ro');
    expect(environment, name).toMatchObject({ KEYTURN_CONFIG: '/etc/keyturn/keyturn.yaml' });
  }
});

test('with the vault file, the same services have one volume for it; the codec server only reads', () => {
  const { services: changed, volumes: added } = readVaultComposeFile();
  expect(Object.keys(services)).toEqual(expect.arrayContaining(Object.keys(changed)));
  expect(added).toEqual({ keyturn: {} });
  const mounts = Object.entries(changed).map(([name, { volumes: mounted }]) => [name, mounted]);
  expect(Object.fromEntries(mounts)).toEqual({
    worker: ['keyturn:/data'],
    keyturn: ['keyturn:/data'],
    'codec-server': ['keyturn:/data:ro'],
  });
});

test.each(['', 'vault.'])(
  'deploy/keyturn.%syaml.example declares what is mounted, and nothing that is not',
  async (name) => {
    const file = fileURLToPath(new URL(`../../deploy/keyturn.${name}yaml.example`, import.meta.url));
    const declared = await readKeyturnYaml({ env: { KEYTURN_CONFIG: file }, cwd: '/', configDir: '/' });
    const references = [...declared.connections.values(), ...(declared.keyring ? [declared.keyring] : [])];
    for (const reference of references) {
      expect(reference.source).toBe('file');
      if (reference.source !== 'file') continue;
      expect(services.worker?.secrets).toContain(reference.path.replace('/run/secrets/', ''));
    }
    expect(declared.keyring === undefined).toBe(name !== '');
    expect(declared.connections.has('main')).toBe(true);
  },
);

test('deploy/make-secrets.sh makes every secret of the file but the one that is yours, and a keyring that opens', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = fileURLToPath(new URL('../../deploy/make-secrets.sh', import.meta.url));
  const make = () => execFileSync(script, [folder], { stdio: 'pipe' });
  make();
  const names = Object.values(secrets).map(({ file }) => file.replace('./secrets/', ''));
  expect(readdirSync(folder)).toEqual(
    expect.arrayContaining(names.filter((one) => one !== 'openrouter-management-key')),
  );
  const text = readFileSync(join(folder, 'keyring.json'), 'utf8');
  expect((await openKeyringFrom({ env: { KEYTURN_KEYRING: text }, file: '', make: false })).activeId).toMatch(/^k/);
  make();
  expect(readFileSync(join(folder, 'keyring.json'), 'utf8')).toBe(text);
});
