import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { Secret } from '../../../secrets/secret.ts';
import { openEnvFile } from '../../../stores/env-file/open.ts';
import type { DeclaredFiles } from '../../../stores/files/declaration.ts';
import type { Spot } from '../../../stores/store.ts';

/** Where a call of the file system is met by a signal: the `call`th of them all, or the first of `before`. */
export type Hook =
  | { signal: 'SIGKILL'; call: number; half: boolean }
  | { signal: 'SIGSTOP'; before: 'openSync' | 'renameSync' | 'fsyncSync after renameSync' };

/** What the process does: `times` rotations, the last with `value`. Once `later` exists, its clock is a minute ahead. */
export type Task = {
  declared: DeclaredFiles;
  spot: Spot;
  value: string;
  times?: number;
  hook?: Hook;
  later?: string;
};

const changing = [
  'openSync',
  'closeSync',
  'writeFileSync',
  'fchownSync',
  'fchmodSync',
  'fsyncSync',
  'renameSync',
  'rmSync',
];

/** The store's own code with the calls of `node:fs` in between: it has no hooks of its own. */
function hookInto(hook: Hook): void {
  const module = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  let calls = 0;
  let isRenamed = false;
  let isMet = false;
  for (const name of changing) {
    const real = module[name] as (...args: unknown[]) => unknown;
    module[name] = (...args) => {
      calls++;
      if (hook.signal === 'SIGKILL' && calls === hook.call) {
        const [file, content] = args;
        if (hook.half && name === 'writeFileSync') real(file, Buffer.from(content as Buffer).subarray(0, 7));
        process.kill(process.pid, 'SIGKILL');
      }
      const isHere =
        hook.signal === 'SIGSTOP' &&
        (hook.before === name || (isRenamed && name === 'fsyncSync' && hook.before !== 'openSync'));
      if (isHere && !isMet) {
        isMet = true;
        process.kill(process.pid, 'SIGSTOP');
      }
      if (name === 'renameSync') isRenamed = true;
      return real(...args);
    };
  }
  syncBuiltinESMExports();
}

const { declared, spot, value, times = 1, hook, later } = JSON.parse(process.argv[2] ?? '') as Task;
const now = () => Date.now() + (later !== undefined && fs.existsSync(later) ? 60_000 : 0);
const store = openEnvFile(
  { kind: 'env-file', ...declared },
  {
    name: 'dotenv',
    folder: declared.folder,
    env: {},
    secret: async () => new Secret(''),
    time: { now, wait: (ms) => sleep(ms) },
  },
);

try {
  for (let time = 1; time <= times; time++) {
    const writer = { policy: 'checkout', rotationId: `r${time}` };
    const secret = new Secret(time === times ? value : `${value}-${time}`);
    const before = await store.capture(spot, writer);
    if (hook !== undefined) hookInto(hook);
    await store.write(spot, secret, writer, before.memento);
    const held = await store.read(spot, writer.policy);
    if (held.kind !== 'held' || held.value.reveal() !== secret.reveal()) throw new Error(`lost in rotation ${time}`);
  }
  process.stdout.write('written');
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  process.stdout.write(`${code ?? 'unknown'}: ${message}`);
}
