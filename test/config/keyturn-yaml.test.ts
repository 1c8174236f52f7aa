import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readKeyturnYaml } from '../../config/keyturn-yaml.ts';

let folder: string;
let cwd: string;
let configDir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-config-'));
  cwd = join(folder, 'project');
  configDir = join(folder, 'config');
  for (const made of [cwd, configDir]) mkdirSync(made);
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (path: string, text: string) => writeFileSync(path, text);
const read = (env: Record<string, string> = {}) => readKeyturnYaml({ env, cwd, configDir });
const oneLine = (wrapped: string) => wrapped.replaceAll(/\s+/g, ' ');
const errorOf = (text: string) => {
  write(join(cwd, 'keyturn.yaml'), text);
  return read().then(
    () => expect.unreachable('was accepted'),
    (error) => error as { code: string; message: string },
  );
};

describe('which file is read', () => {
  const named = (name: string) => `connections: { ${name}: { env: KEY } }\n`;

  test('none is fine', async () => {
    expect(await read()).toEqual({ file: undefined, keyring: undefined, connections: new Map(), stores: new Map() });
  });

  test('KEYTURN_CONFIG before the working folder before the configuration folder', async () => {
    write(join(configDir, 'keyturn.yaml'), named('from-config'));
    expect([...(await read()).connections.keys()]).toEqual(['from-config']);
    write(join(cwd, 'keyturn.yaml'), named('from-cwd'));
    expect(await read()).toMatchObject({ file: join(cwd, 'keyturn.yaml') });
    expect([...(await read()).connections.keys()]).toEqual(['from-cwd']);
    write(join(cwd, 'other.yaml'), named('from-env'));
    expect(await read({ KEYTURN_CONFIG: 'other.yaml' })).toMatchObject({ file: join(cwd, 'other.yaml') });
  });

  test('one that KEYTURN_CONFIG names must be there', async () => {
    await expect(read({ KEYTURN_CONFIG: '/nowhere/keyturn.yaml' })).rejects.toMatchObject({
      code: 'KEYTURN_FILE_UNREADABLE',
      message: expect.stringContaining('/nowhere/keyturn.yaml'),
    });
  });

  test('one that is there and cannot be read is not passed over', async () => {
    mkdirSync(join(cwd, 'keyturn.yaml'));
    write(join(configDir, 'keyturn.yaml'), named('main'));
    await expect(read()).rejects.toMatchObject({
      code: 'KEYTURN_FILE_UNREADABLE',
      message: expect.stringContaining('EISDIR'),
    });
  });
});

test('connections from a variable and from a file', async () => {
  write(
    join(cwd, 'keyturn.yaml'),
    `connections:
  main: { env: OPENROUTER_MANAGEMENT_KEY, requestsPerSecond: 0.5 }
  ops:  { file: /run/secrets/openrouter, baseUrl: https://openrouter.ai/api/v1/ }
  near: { file: ./key.txt, baseUrl: "http://127.0.0.1:4010/api/v1" }
`,
  );
  expect((await read()).connections).toEqual(
    new Map([
      ['main', { source: 'env', variable: 'OPENROUTER_MANAGEMENT_KEY', requestsPerSecond: 0.5 }],
      ['ops', { source: 'file', path: '/run/secrets/openrouter', baseUrl: 'https://openrouter.ai/api/v1' }],
      ['near', { source: 'file', path: join(cwd, 'key.txt'), baseUrl: 'http://127.0.0.1:4010/api/v1' }],
    ]),
  );
});

test('the keyring from a file, meant from the folder of keyturn.yaml', async () => {
  write(join(configDir, 'keyturn.yaml'), 'keyring: { file: ./keyring.json }\n');
  expect((await read()).keyring).toEqual({ source: 'file', path: join(configDir, 'keyring.json') });
});

test.each(['', '# nothing yet\n', 'connections:\n', 'connections: {}\n'])('%j declares nothing', async (text) => {
  write(join(cwd, 'keyturn.yaml'), text);
  expect((await read()).connections.size).toBe(0);
});

test.each([
  ['conections:\n  main: { env: KEY }\n', 1, 'conections', 'did you mean connections?'],
  [
    'connections:\n  main: { enviroment: KEY }\n',
    2,
    'connections.main',
    'is not a field; one of env, file, store, name, field, baseUrl, requestsPerSecond',
  ],
  ['connections:\n  main: { Env: KEY }\n', 2, 'connections.main.Env', 'did you mean env?'],
  ['connections:\n  main:\n    env: KEY\n    file: /key\n', 2, 'connections.main', 'needs exactly one source'],
  ['connections:\n  main: { baseUrl: "https://a.example" }\n', 2, 'connections.main', 'needs exactly one source'],
  ['connections:\n  main: {}\n', 2, 'connections.main', 'needs exactly one source'],
  ['connections:\n  main:\n', 2, 'connections.main', 'is empty; { env: VARIABLE }, { file: PATH } or {'],
  ['connections:\n  main: KEY\n', 2, 'connections.main', 'is not a connection'],
  ['connections: [main]\n', 1, 'connections', 'is not a map'],
  ['- main\n', 1, '', 'is not a map; its fields: keyring, connections, stores'],
  ['connections:\n  main: { store: aws }\n', 2, 'connections.main', 'needs exactly one source'],
  ['connections:\n  main: { env: A, field: key }\n', 2, 'connections.main', 'needs exactly one source'],
  ['connections:\n  main: { store: aws, name: key }\n', 2, 'connections.main', 'declare it below stores'],
  ['connections:\n  main: { store: local, name: key }\n', 2, 'connections.main.store', 'not local'],
  ['keyring: { store: aws, name: keyring }\n', 1, 'keyring', 'names store "aws", which is not declared here'],
  ['keyring: { fiel: /keyring }\n', 1, 'keyring.fiel', 'did you mean file?'],
  ['keyring: ./keyring.json\n', 1, 'keyring', 'is not a reference to a secret'],
  ['connections:\n\n  Main: { env: KEY }\n', 3, 'connections.Main', 'is not a name for a connection'],
  ['connections:\n  main: { env: MY-KEY }\n', 2, 'connections.main.env', 'is not the name of an environment variable'],
  ['connections:\n  main: { env: 5 }\n', 2, 'connections.main.env', 'is not the name of an environment variable'],
  ['connections:\n  main: { file: key.txt }\n', 2, 'connections.main.file', 'one that begins with / or ./ or ../'],
  [
    'connections:\n  main:\n    env: KEY\n    baseUrl: openrouter.ai\n',
    4,
    'connections.main.baseUrl',
    'is not a base URL',
  ],
  [
    'connections:\n  main: { env: KEY, requestsPerSecond: 0 }\n',
    2,
    'connections.main.requestsPerSecond',
    'above 0 and at',
  ],
  [
    'connections:\n  main: { env: KEY, requestsPerSecond: 1/s }\n',
    2,
    'connections.main.requestsPerSecond',
    'not a number',
  ],
  ['connections:\n  main: { env: A }\n  main: { env: B }\n', 3, 'connections.main', 'for the second time'],
  ['connections: {}\n---\nconnections: {}\n', 3, '', 'second document'],
  ['connections:\n\tmain: { env: A }\n', 2, '', 'tab'],
  ['connections: {\n', 2, '', 'docs/configuration.md'],
])('%j is refused with line, path and what is allowed', async (text, line, path, says) => {
  const error = await errorOf(text);
  const message = oneLine(error.message);
  expect(error).toMatchObject({ code: 'KEYTURN_CONFIG_INVALID' });
  expect(message).toContain(`${join(cwd, 'keyturn.yaml')}:${line} ${path}`);
  expect(message).toContain(says);
});

test.each([
  'http://openrouter.ai/api/v1',
  'http://127.0.0.1.example/api',
  'http://localhost.example/api',
  'ftp://openrouter.ai/api/v1',
  'https://user:pass@openrouter.ai/api/v1',
  'https://openrouter.ai/api/v1?key=x',
])('a management key is not sent to %s', async (url) => {
  const error = await errorOf(`connections:\n  main: { env: KEY, baseUrl: "${url}" }\n`);
  expect(oneLine(error.message)).toContain('is not a base URL');
});

test('every problem of a file is named at once, in its order', async () => {
  const error = await errorOf('extra: 1\nconnections:\n  b: { env: "!" }\n  A: { file: "" }\n');
  const lines = error.message.split('\n').flatMap((line) => /keyturn\.yaml:(\d+)/.exec(line)?.[1] ?? []);
  expect(lines).toEqual(['1', '3', '4']);
});

describe('a key that was pasted into the file is in no error', () => {
  const pasted = ['sk-or-v1-', 'plain-'].map((prefix) => `${prefix}${'5f3c'.repeat(16)}`);
  test.each(
    pasted.flatMap((key) => [
      `connections:\n  main: ${key}\n`,
      `connections:\n  main: { env: ${key} }\n`,
      `connections:\n  main: { file: ${key} }\n`,
      `connections:\n  main: { env: KEY, baseUrl: ${key} }\n`,
      `connections:\n  main: { key: ${key} }\n`,
      `connections:\n  main: [${key}]\n`,
      `connections: ${key}\n`,
      `${key}\n`,
    ]),
  )('%j', async (text) => {
    const error = await errorOf(text);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('5f3c5f3c');
  });
});
