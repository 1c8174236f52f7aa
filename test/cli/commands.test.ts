import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stack } from '../process/stack.ts';
import { startStackWithWorker } from '../process/stack-with-worker.ts';
import { type CommandRun, runKeyturn } from '../run-keyturn.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStackWithWorker();
});
afterAll(() => stack.close());

const keyturn = (args: string[], input?: string): Promise<CommandRun> => runKeyturn(stack, args, input);
const secretOf = (name: string) => `${name.toUpperCase()}_KEY`;

function policyText(name: string, more = 'grace: 0s\n'): string {
  return [
    `name: ${name}`,
    'connection: main',
    'schedule: { every: 30, at: "03:30", timeZone: Europe/Berlin }',
    `key: { name: ${name}-key }`,
    `secret: { name: ${secretOf(name)} }`,
    more,
  ].join('\n');
}

function fileOf(name: string, more?: string): string {
  writeFileSync(join(stack.folder, `${name}.yaml`), policyText(name, more));
  return `${name}.yaml`;
}

async function created(name: string, more?: string): Promise<void> {
  const { code, stderr } = await keyturn(['apply', '--wait', '-f', fileOf(name, more)]);
  if (code !== 0) throw new Error(stderr);
}

describe.concurrent('apply', () => {
  test('says created, unchanged, updated with the fields, and with --wait shows the first key', async ({ expect }) => {
    const file = fileOf('applied');
    const first = await keyturn(['apply', '-f', file, '--wait']);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^created {4}applied {2}its first key is being made\n/);
    expect(first.stdout).toMatch(/✔ create key .*\n.*✔ verify key .*3 of 3 accepted.*\n[\s\S]*✔ published\n$/);

    expect((await keyturn(['apply', '-f', file])).stdout).toBe('unchanged  applied\n');
    fileOf('applied', 'grace: 2h\n');
    const updated = await keyturn(['apply', '-f', file, '-o', 'json']);
    expect(JSON.parse(updated.stdout)).toEqual([
      { name: 'applied', result: 'updated', changed: ['grace'], rotationId: null, liveKeys: [], warnings: [] },
    ]);
  });

  test('one that is refused does not keep the others from being applied, and gives the exit code', async ({
    expect,
  }) => {
    const stray = policyText('stray').replace('connection: main', 'connection: nobody');
    const input = `${stray}---\n${policyText('beside')}`;
    const { code, stdout } = await keyturn(['apply', '-f', '-', '-o', 'json'], input);
    expect(JSON.parse(stdout)).toMatchObject([
      { name: 'stray', result: 'failed', error: { code: 'KEYTURN_CONNECTION_UNKNOWN' } },
      { name: 'beside', result: 'created' },
    ]);
    expect(code).toBe(3);
  });

  test('many are told in the order of their documents, each in its place', async ({ expect }) => {
    const names = Array.from({ length: 12 }, (_, n) => `many-${n}`);
    // But for two they are refused: no keys need to be made to see the order.
    const isRight = (n: number) => n === 3 || n === 9;
    const documents = names.map((name, n) => policyText(name).replace(': main', isRight(n) ? ': main' : ': nobody'));
    const { code, stdout } = await keyturn(['apply', '-f', '-'], documents.join('---\n'));
    const told = stdout.trim().split('\n');
    expect(told.map((line) => line.split(/ +/).slice(0, 2))).toEqual(
      names.map((name, n) => [isRight(n) ? 'created' : 'failed', name]),
    );
    expect(code).toBe(3);
  });

  test('a field that keys depend on is refused with 4', async ({ expect }) => {
    await created('fixed');
    const moved = policyText('fixed').replace('connection: main', 'connection: other');
    const { code, stderr } = await keyturn(['apply', '-f', '-'], moved);
    expect(stderr).toContain('KEYTURN_POLICY_FIXED');
    expect(code).toBe(4);
  });

  test('a secret that another policy writes is refused with 4', async ({ expect }) => {
    await created('owner');
    const thief = policyText('thief').replace('THIEF_KEY', 'OWNER_KEY');
    const { code, stderr } = await keyturn(['apply', '-f', '-'], thief);
    expect(stderr).toContain('KEYTURN_SECRET_OWNED');
    expect(code).toBe(4);
  });
});

describe.concurrent('what is asked of a policy', () => {
  test('status fits 80 columns and names state, next run, keys, store and last outcome', async ({ expect }) => {
    await created('shown', 'grace: 1h\n');
    await keyturn(['rotate', 'shown', '--wait', '--reason', 'try it']);
    const { code, stdout } = await keyturn(['status', 'shown']);
    expect(code).toBe(0);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/^shown {5}sleeping until the end of the grace of key #1\n/);
    expect(stdout).toMatch(/\nnext {6}\w{3} \d+ \w{3} \d{4} 03:30 Europe\/Berlin \(0[12]:30 UTC\), in \d+ days\n/);
    expect(stdout).toMatch(
      /\nkeys {6}#2 \w{4}…\w\w {2}live +\d+ s\n +#1 .* in grace .* disabled in 60 min, deleted in 7 days\n/,
    );
    expect(stdout).toMatch(/\nstores {4}local {2}SHOWN_KEY {2}verified /);
    expect(stdout).toMatch(/\nlast {6}published, asked for by "try it", \d+ steps in \d+\.\d s,/);
  });

  test('status and history as JSON are what the library answers', async ({ expect }) => {
    await created('asjson');
    const status = JSON.parse((await keyturn(['status', 'asjson', '-o', 'json'])).stdout);
    expect(status).toMatchObject({ name: 'asjson', state: 'sleeping', keys: [{ generation: 1, state: 'live' }] });
    const history = JSON.parse((await keyturn(['history', 'asjson', '-o', 'json'])).stdout);
    expect(history).toMatchObject([{ event: 'applied' }, { event: 'published', generation: 1 }]);
    expect((await keyturn(['history', 'asjson'])).stdout).toMatch(/ {2}key #1 published, the first key, \d+ steps in /);
  });

  test('list shows policy, state, next run and last outcome', async ({ expect }) => {
    await created('listed');
    await expect
      .poll(async () => (await keyturn(['list'])).stdout, { timeout: 10_000 })
      .toMatch(/^POLICY .*\n[\s\S]*listed +sleeping +\d{4}-\d\d-\d\d 0[12]:30 \(in \d+ days\) +main +published\n/);
    const listed = JSON.parse((await keyturn(['list', '-o', 'json'])).stdout) as { name: string }[];
    expect(Object.keys(listed[0] ?? {})).toEqual(['name', 'state', 'connection', 'nextRotation', 'lastOutcome']);
  });

  test('pause and resume are seen in status and next', async ({ expect }) => {
    await created('paused');
    expect((await keyturn(['pause', 'paused', '--reason', 'release week'])).code).toBe(0);
    expect((await keyturn(['status', 'paused'])).stdout).toMatch(
      /^paused {4}paused .*: release week\nnext {6}none: it is paused\n/,
    );
    expect((await keyturn(['next', 'paused', '-n', '3'])).stdout).toBe(
      'paused: no scheduled rotation (it is paused)\n',
    );
    expect((await keyturn(['resume', 'paused'])).code).toBe(0);
    const { stdout } = await keyturn(['next', 'paused', '-n', '3', '-o', 'json']);
    expect(JSON.parse(stdout)).toHaveLength(3);
  });

  test('the secret by policy or by its own name is the value alone', async ({ expect }) => {
    await created('value');
    const byPolicy = await keyturn(['secret', 'get', 'value']);
    const bySecret = await keyturn(['secret', 'get', 'VALUE_KEY']);
    expect(byPolicy).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sk-or-v1-[0-9a-f]{64}\n$/), stderr: '' });
    expect(bySecret.stdout).toBe(byPolicy.stdout);
    const json = JSON.parse((await keyturn(['secret', 'get', 'value', '-o', 'json'])).stdout);
    expect(json).toEqual({ name: 'VALUE_KEY', policy: 'value', version: 1, value: byPolicy.stdout.trim() });
    const answer = await fetch(`${stack.simulator.url}/key`, { headers: { authorization: `Bearer ${json.value}` } });
    expect(answer.status).toBe(200);
  });

  test('delete says what will happen to this policy, and does it', async ({ expect }) => {
    await created('doomed');
    const { code, stdout, stderr } = await keyturn(['delete', 'doomed', '--destroy', '--yes', '-o', 'json']);
    expect(stderr.replaceAll('\n', ' ')).toContain(
      'DOOMED_KEY in local is removed, and its keys (#1) are disabled and deleted',
    );
    expect({ code, result: JSON.parse(stdout) }).toEqual({ code: 0, result: { name: 'doomed', mode: 'destroy' } });
    await expect.poll(async () => (await keyturn(['status', 'doomed'])).code, { timeout: 20_000 }).toBe(3);
    expect((await keyturn(['secret', 'get', 'doomed'])).code).toBe(3);
  });

  test('an unknown policy ends with 3 and the known names', async ({ expect }) => {
    await created('known');
    for (const args of [
      ['status'],
      ['history'],
      ['next'],
      ['rotate'],
      ['pause'],
      ['resume'],
      ['delete', '--detach', '--yes'],
    ]) {
      const { code, stderr } = await keyturn([...args, 'nobody']);
      expect({ args, code }).toEqual({ args, code: 3 });
      expect(stderr).toMatch(/There is no policy "nobody"\. (Known|Did you mean)/);
    }
  });

  test('a connection is told apart: fine, not a key, not a management key', async ({ expect }) => {
    await created('inference');
    const fine = await keyturn(['connection', 'check', 'main', '-o', 'json']);
    expect(JSON.parse(fine.stdout)).toMatchObject({ name: 'main', state: 'fine', creditLeft: expect.any(Number) });
    const at = ['--base-url', stack.simulator.url];
    const inferenceKey = (await keyturn(['secret', 'get', 'inference'])).stdout;
    const wrongKind = await keyturn(['connection', 'add', 'wrong', ...at], inferenceKey);
    expect(wrongKind).toMatchObject({ code: 1, stderr: expect.stringContaining('KEYTURN_CONNECTION_NOT_MANAGEMENT') });
    const noKey = await keyturn(['connection', 'add', 'wrong', ...at], `sk-or-v1-${'0'.repeat(64)}`);
    expect(noKey).toMatchObject({ code: 1, stderr: expect.stringContaining('KEYTURN_CONNECTION_REFUSED') });
    expect((await keyturn(['connection', 'list'])).stdout).not.toContain('wrong');
  });

  test('setup again changes nothing', async ({ expect }) => {
    const { stdout } = await keyturn(['setup', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ namespace: 'default', registered: [] });
  });
});

describe('rotate', () => {
  test('--wait prints each step as it ends, and then published', async () => {
    await created('followed');
    const { code, stdout } = await keyturn(['rotate', 'followed', '--wait']);
    expect(stdout).toMatch(/✔ create key [\s\S]*✔ store secret [\s\S]*✔ read back +matches[\s\S]*✔ published\n$/);
    expect(stdout).not.toContain('\x1b');
    expect(code).toBe(0);
  });

  test('a rotation that is undone ends --wait with 1, the reason and the next attempt; status shows them', async () => {
    await created('undone');
    const refused = stack.simulator.control.injections.add({
      on: 'createKey',
      when: 'before',
      kind: 'status',
      status: 400,
    });
    const { code, stdout, stderr } = await keyturn(['rotate', 'undone', '--wait']);
    refused.remove();
    expect(stdout).toMatch(/✘ create key [\s\S]*✘ undone\n$/);
    expect(stderr).toMatch(
      /KEYTURN_OPENROUTER_REFUSED\n {2}The rotation was undone; the key from before goes on working\./,
    );
    expect(stderr).toMatch(/→ It is tried again in \d+ (s|min), at \d\d:\d\d:\d\d UTC\./);
    expect(code).toBe(1);

    const status = await keyturn(['status', 'undone']);
    expect(status.stdout).toMatch(/^undone {4}needs attention \(below\); sleeping until try 2 of a rotation that/);
    expect(status.stdout).toMatch(/\nretry {5}try 2 in \d+ (s|min), at \d\d:\d\d:\d\d UTC\n/);
    expect(status.stdout).toContain('KEYTURN_OPENROUTER_REFUSED');
  });

  test('--wait -o json is the record with its steps; without --wait it is a ticket', async () => {
    await created('records');
    const waited = await keyturn(['rotate', 'records', '--wait', '-o', 'json']);
    const record = JSON.parse(waited.stdout);
    expect(record).toMatchObject({ event: 'published', generation: 2, fault: null });
    expect(record.steps.map(({ step }: { step: string }) => step)).toContain('verifySecret');
    const ticket = JSON.parse((await keyturn(['rotate', 'records', '-o', 'json'])).stdout);
    expect(Object.keys(ticket).toSorted()).toEqual(['because', 'rotationId', 'waitsUntil']);
  });

  test('--wait says what it waits for, and goes on when --end-grace ends it', async () => {
    await created('held', 'grace: 1h\n');
    await keyturn(['rotate', 'held', '--wait']);
    const waiting = keyturn(['rotate', 'held', '--wait']);
    await expect.poll(async () => (await stack.keyturn.status('held')).pending, { timeout: 10_000 }).not.toBeNull();
    const ended = await keyturn(['rotate', 'held', '--end-grace', '--wait']);
    expect(ended.code).toBe(0);
    const { code, stdout } = await waiting;
    expect(stdout).toMatch(/waits until \d\d:\d\d:\d\d UTC: the end of the grace of key #1\n[\s\S]*✔ published\n$/);
    expect(code).toBe(0);
  });
});
