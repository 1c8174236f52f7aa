import { describe, expect, test } from 'vitest';
import { readComposeFile } from './compose-file.ts';

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
    // The management key is read through keyturn.yaml.
    const given = (service.secrets ?? []).filter((secret) => secret !== 'openrouter-management-key');
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

test('two workers share one vault, and have time to end their steps', () => {
  expect(services.worker).toMatchObject({ deploy: { replicas: 2 }, stop_grace_period: '60s' });
  expect(services.worker?.volumes).toContain('keyturn:/data');
  expect(services['codec-server']?.volumes).toEqual(['keyturn:/data:ro']);
});
