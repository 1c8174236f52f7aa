import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quietDebugSwitches } from '../../secrets/debug-switches.ts';
import { mainFile, runKeyturn } from '../run-keyturn.ts';

/** What these print was looked at, with secrets in headers, paths, bodies, arguments and environments. */
const harmless = [
  ...['module', 'module_hooks', 'esm', 'async_loader_worker', 'source_map', 'timer', 'test_runner'],
  // Of Node's own debugger and its prompt.
  ...['repl', 'inspect', 'inspect_probe'],
];

let folder: string;
let env: Record<string, string | undefined>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyturn-debug-'));
  env = { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: join(folder, 'data') };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a section of a newer Node that nobody has looked at is noticed', () => {
  const script = `const found = new Set();
    for (const text of Object.values(process.binding('natives')))
      for (const [, name] of String(text).matchAll(/debuglog\\(\\s*['"](\\w+)['"]/g)) found.add(name);
    console.log(JSON.stringify([...found]));`;
  const { stdout } = spawnSync(process.execPath, ['--no-deprecation', '-e', script], { encoding: 'utf8' });
  const sections = JSON.parse(stdout) as string[];
  expect(sections).toEqual(expect.arrayContaining(['http', 'tls', 'undici', 'timer']));
  const passing = sections.filter((NODE_DEBUG) => !refused({ NODE_DEBUG }));
  expect(passing.filter((name) => !harmless.includes(name))).toEqual([]);
});

test.each([
  { NODE_DEBUG: '*' },
  { NODE_DEBUG: 'TLS' },
  { NODE_DEBUG: 'timer,net' },
  { NODE_DEBUG: 'st*' },
  { NODE_OPTIONS: '--max-old-space-size=384 --tls-keylog=/tmp/keys' },
  { NODE_OPTIONS: '--heapsnapshot_signal=SIGUSR2' },
  { NODE_OPTIONS: '"--heapsnapshot-near-heap-limit=1"' },
])('refused: %o', (set) => expect(refused(set)).toBe(true));

test.each([
  { NODE_DEBUG: '' },
  { NODE_DEBUG: 'timer,esm' },
  // Nor does Node take it for one: it removes no spaces.
  { NODE_DEBUG: 'timer, net' },
  { NODE_OPTIONS: '--max-old-space-size=384 --max-semi-space-size=8' },
])('let through: %o', (set) => expect(refused(set)).toBe(false));

test('an option given to Node itself is found too', () => {
  expect(() => quietDebugSwitches({}, ['--tls-keylog=/tmp/keys'])).toThrow('--tls-keylog');
});

describe.each(['http', 'stream', 'fetch', '*'])('NODE_DEBUG=%s', (NODE_DEBUG) => {
  test.each([[['worker']], [['dev']], [['connection', 'check', 'main']]])(
    'keyturn %s does not start, and says why',
    async (args) => {
      const keyring = `{"version":1,"activeId":"k","keys":{"k":"${Buffer.alloc(32, 7).toString('base64')}"}}`;
      const run = await runKeyturn({ folder, env: { ...env, NODE_DEBUG, KEYTURN_KEYRING: keyring } }, args);
      expect(run.code).toBe(2);
      expect(run.stderr).toContain('KEYTURN_DEBUG_PRINTS_SECRETS');
      expect(run.stderr).toContain('NODE_DEBUG (');
      expect(run.stdout + run.stderr).not.toContain(Buffer.alloc(32, 7).toString('base64'));
    },
  );
});

test('what libraries read is cleared before they are loaded, and the log says so', async () => {
  const switches = { DEBUG: '*', GOOGLE_SDK_NODE_LOGGING: 'all', AZURE_LOG_LEVEL: 'verbose', GRPC_TRACE: 'all' };
  const itsEnv = { ...env, ...switches, GRPC_VERBOSITY: 'DEBUG', TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const worker = spawn(process.execPath, [mainFile, 'worker'], { cwd: folder, env: itsEnv });
  try {
    let stderr = '';
    worker.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const lines: { msg: string; cleared?: string[] }[] = [];
    for await (const line of createInterface(worker.stdout)) {
      lines.push(JSON.parse(line));
      // Temporal's client was loaded and has tried.
      if (lines.at(-1)?.msg.includes('Temporal')) break;
    }
    expect(lines.map(({ cleared }) => cleared)).toContainEqual([...Object.keys(switches), 'GRPC_VERBOSITY']);
    expect(stderr).not.toMatch(/transport|channel|load_balanc/i);
  } finally {
    worker.kill('SIGKILL');
  }
});

function refused(set: Record<string, string>): boolean {
  try {
    quietDebugSwitches(set, []);
    return false;
  } catch {
    return true;
  }
}
