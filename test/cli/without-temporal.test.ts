import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faults } from '../../errors/faults.ts';
import { type CommandRun, mainFile, runKeyturn } from '../run-keyturn.ts';

let folder: string;
let env: Record<string, string | undefined>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-cli-'));
  env = {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_DATA_HOME: join(folder, 'data'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    // Nothing listens on the discard port.
    TEMPORAL_ADDRESS: '127.0.0.1:9',
  };
});

afterAll(() => rmSync(folder, { recursive: true }));

const keyturn = (args: string[], input?: string): Promise<CommandRun> => runKeyturn({ folder, env }, args, input);

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const policy = `name: checkout
connection: main
schedule: { every: 30, at: "03:30", timeZone: Europe/Berlin }
key: { name: checkout-prod }
secret: { name: OPENROUTER_API_KEY }
`;

describe.concurrent('help', () => {
  const commands = [
    ...[
      'dev',
      'worker',
      'codec-server',
      'setup',
      'simulator',
      'apply',
      'list',
      'status',
      'history',
      'next',
      'rotate',
      'pause',
      'resume',
    ],
    ...['delete', 'connection add', 'connection check', 'connection list', 'connection remove', 'secret get'],
  ];

  test.for(commands)('%s --help has an example', async (command, { expect }) => {
    const { code, stdout } = await keyturn([...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\n.*keyturn ${command}`));
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('every command is in docs/cli.md', async ({ expect }) => {
    const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    const missing = commands.filter((command) => !page.includes(`keyturn ${command}`));
    expect(missing).toEqual([]);
  });
});

describe.concurrent('a wrong command line ends with 2 and a sentence', () => {
  const wrong: [string[], RegExp][] = [
    [[], /A command is needed/],
    [['lst'], /Unknown command 'lst'.*list/],
    [['status'], /Missing required argument 'name'/],
    [['status', 'a', 'b'], /Too many arguments|too many arguments/],
    [['list', '-o', 'yaml'], /Allowed choices are text, json/],
    [['next', '-f', 'x', '-n', '0'], /whole number from 1/],
    [['next'], /Name a policy, or a file/],
    [['apply'], /--file/],
    [['delete', 'x', '--retire', '--destroy'], /cannot be used with/],
    [['delete', 'x'], /--detach, --retire or --destroy/],
    [['delete', 'x', '--retire'], /--yes/],
  ];

  test.for(wrong)('%j', async ([args, says], { expect }) => {
    const { code, stderr } = await keyturn(args);
    expect(stderr).toMatch(says);
    expect(stderr).toContain('KEYTURN_USAGE');
    expect(code).toBe(2);
  });

  test('as an object with -o json, on standard error, also where the rest cannot be parsed', async ({ expect }) => {
    const { code, stdout, stderr } = await keyturn(['status', '-o', 'json']);
    expect(JSON.parse(stderr)).toEqual({
      code: 'KEYTURN_USAGE',
      kind: 'terminal',
      message: "Missing required argument 'name'.",
      remedy: faults.KEYTURN_USAGE.remedy,
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('a management key in place of a name is not repeated', async ({ expect }) => {
    const key = `sk-or-v1-${'a1'.repeat(32)}`;
    for (const args of [['connection', 'add', key], ['connection', 'add', 'main', key], [key], ['status', key]]) {
      const { code, stdout, stderr } = await keyturn(args, 'x');
      expect(stdout + stderr).not.toContain('a1a1');
      expect(code).not.toBe(0);
    }
  });
});

describe.concurrent('policy files', () => {
  test('every problem of every file is named with line and path, and nothing is sent', async ({ expect }) => {
    const one = file('one.yaml', policy.replace('03:30', '24:00').replace('every: 30', 'every: 0'));
    const two = file('two.yaml', policy.replace('Europe/Berlin', 'Europe/Berln').replace('schedule', 'shedule'));
    const { code, stderr } = await keyturn(['apply', '-f', one, '-f', two]);
    expect(code).toBe(2);
    expect(stderr).toContain('KEYTURN_POLICY_INVALID');
    expect(stderr).toMatch(/one\.yaml:3 {2}schedule\.every/);
    expect(stderr).toMatch(/one\.yaml:3 {2}schedule\.at/);
    expect(stderr).toMatch(/two\.yaml:3 {2}shedule/);
  });

  test('two policies of one name, and two that write one secret, are refused', async ({ expect }) => {
    const twice = file('twice.yaml', `${policy}---\n${policy}`);
    expect((await keyturn(['apply', '-f', twice])).stderr).toMatch(/twice\.yaml:7 {2}name/);
    const shared = file('shared.yaml', `${policy}---\n${policy.replace('name: checkout\n', 'name: other\n')}`);
    const { code, stderr } = await keyturn(['apply', '-f', shared]);
    expect(stderr).toMatch(/secret\.name/);
    expect(code).toBe(2);
  });

  test('a file of 10 MB is refused quickly', async ({ expect }) => {
    const big = file('big.yaml', `${policy}# ${'x'.repeat(10 * 1024 * 1024)}`);
    const began = Date.now();
    const { code, stderr } = await keyturn(['apply', '-f', big]);
    expect(stderr).toMatch(/10\.0 MiB/);
    expect(code).toBe(2);
    expect(Date.now() - began).toBeLessThan(10_000);
  });

  test('a file that is not there', async ({ expect }) => {
    const { code, stderr } = await keyturn(['apply', '-f', 'missing.yaml', '-o', 'json']);
    expect(JSON.parse(stderr)).toMatchObject({ code: 'KEYTURN_FILE_UNREADABLE' });
    expect(code).toBe(2);
  });

  test('next -f shows the runs of a policy that is not applied, from standard input too', async ({ expect }) => {
    const daily = policy.replace('every: 30', 'every: 1');
    const { code, stdout } = await keyturn(['next', '-f', '-', '-n', '10', '-o', 'json'], daily);
    expect(code).toBe(0);
    const runs = JSON.parse(stdout) as { utc: string; local: string; timeZone: string }[];
    expect(runs).toHaveLength(10);
    expect(Object.keys(runs[0] ?? {})).toEqual(['utc', 'local', 'timeZone']);
    expect(runs.every(({ utc, local }) => Date.parse(utc) === Date.parse(local))).toBe(true);
    const text = await keyturn(['next', '-f', '-', '-n', '2'], daily);
    expect(text.stdout).toMatch(/^Europe\/Berlin +UTC\n\w{3} \d+ \w{3} \d{4} 03:30 \+0[12]:00 +\w{3} .* 0[12]:30\n/);
  });
});

describe.concurrent('without Temporal', () => {
  test('a command says that it waits, gives up after the stated time, and ends with 5', async ({ expect }) => {
    const began = Date.now();
    const { code, stderr } = await keyturn(['list']);
    expect(stderr).toContain('Waiting for Temporal, up to 10 s');
    expect(stderr).toContain('Temporal does not answer at 127.0.0.1:9 (waited 10 s).');
    expect(code).toBe(5);
    expect(Date.now() - began).toBeLessThan(20_000);
  }, 30_000);
});

describe.concurrent('connections and secrets of this machine', () => {
  test('a connection that OpenRouter cannot be asked about is kept, listed without its key, and removed', async ({
    expect,
  }) => {
    const key = `sk-or-v1-${'b2'.repeat(32)}`;
    const options = ['--base-url', 'http://127.0.0.1:9/api/v1', '--requests-per-second'];
    const added = await keyturn(['connection', 'add', 'spare', ...options, '0.5'], `${key}\n`);
    expect(added).toMatchObject({ code: 0, stdout: 'Connection spare is kept.\n' });
    expect(added.stderr).toContain('cannot be asked');

    const again = await keyturn(['connection', 'add', 'spare', '--base-url', 'http://127.0.0.1:9/api/v1'], key);
    expect(again.stderr).toContain('KEYTURN_CONNECTION_EXISTS');

    const listed = await keyturn(['connection', 'list', '-o', 'json']);
    expect(JSON.parse(listed.stdout)).toEqual([
      { name: 'spare', source: 'vault', store: null, baseUrl: 'http://127.0.0.1:9/api/v1', requestsPerSecond: 0.5 },
    ]);
    expect((await keyturn(['connection', 'list'])).stdout).toMatch(/^spare +vault +0\.5\/s +http/m);
    const wrong = await keyturn(['connection', 'add', 'fast', ...options, '51'], key);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('above 0 and at most 50') });
    const checked = await keyturn(['connection', 'check', 'spare', '-o', 'json']);
    expect(JSON.parse(checked.stdout)).toMatchObject({ name: 'spare', state: 'down' });
    expect(checked.code).toBe(1);

    expect(await keyturn(['connection', 'remove', 'spare'])).toMatchObject({ code: 0 });
    expect(await keyturn(['connection', 'check', 'spare'])).toMatchObject({ code: 3 });
  });

  test('a secret that is not there ends with 3', async ({ expect }) => {
    const { code, stderr } = await keyturn(['secret', 'get', 'nobody', '-o', 'json']);
    expect(JSON.parse(stderr)).toMatchObject({ code: 'KEYTURN_SECRET_UNKNOWN' });
    expect(code).toBe(3);
  });
});

test('a reader that goes away is no failure', async () => {
  const child = spawn(process.execPath, [mainFile, 'next', '-f', '-', '-n', '1000', '-o', 'json'], {
    cwd: folder,
    env,
  });
  // Far more than the pipe holds, so that it is still writing when nobody reads any more.
  child.stdin.end(
    ['a', 'b', 'c', 'd', 'e']
      .map((name) => policy.replace('checkout\n', `${name}\n`).replace('OPENR', name))
      .join('---\n'),
  );
  child.stdout.once('data', () => child.stdout.destroy());
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('a simulator whose port is taken says so; on a free one it prints where it is, and ends at SIGTERM', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const bound = taken.address();
  const port = typeof bound === 'object' ? String(bound?.port) : '';
  const refused = await keyturn(['simulator', '--port', port]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('KEYTURN_PORT_IN_USE') });
  taken.close();

  const child = spawn(process.execPath, [mainFile, 'simulator', '--port', '0', '-o', 'json'], { cwd: folder, env });
  const [printed] = await once(child.stdout, 'data');
  const { url, managementKey } = JSON.parse(String(printed));
  const answer = await fetch(`${url}/keys`, { headers: { authorization: `Bearer ${managementKey}` } });
  expect(answer.status).toBe(200);
  child.kill('SIGTERM');
  expect(await once(child, 'close')).toEqual([0, null]);
});

test('no colours with NO_COLOR, nor where nobody looks', async () => {
  const forced = await runKeyturn({ folder, env: { ...env, FORCE_COLOR: '1' } }, ['status']);
  const silent = await runKeyturn({ folder, env: { ...env, NO_COLOR: '1' } }, ['status']);
  expect(forced.stderr).toContain('\x1b[');
  expect(silent.stderr).not.toContain('\x1b[');
  expect((await keyturn(['status'])).stderr).not.toContain('\x1b[');
});
