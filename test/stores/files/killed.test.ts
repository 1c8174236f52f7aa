import { chmodSync, chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { envFileIn, freshFolder, hidden, namesIn, secret, variable, writer } from './folder.ts';
import { startWriter } from './writer.ts';

const old = '# ours\nONE=1\nOPENROUTER_API_KEY="sk-or-v1-old" # the key\nTWO=2';
const new_ = old.replace('sk-or-v1-old', hidden);

for (const half of [false, true]) {
  test(`killed before any call of a write${half ? ', or in the middle of one' : ''}, it leaves the old file or the new one`, async () => {
    const folder = freshFolder();
    const path = join(folder, '.env');
    const seen = join(freshFolder(), 'seen');
    const declared = { folder, afterWrite: { command: ['cp', path, seen] } };
    const store = envFileIn(folder, declared);
    const ends = new Set<string>();
    let call = 0;
    for (let isWhole = false; !isWhole; ) {
      call++;
      writeFileSync(path, old);
      chmodSync(path, 0o640);
      if (process.getuid?.() === 0) chownSync(path, 1234, 5678);
      const { mode, uid, gid } = statSync(path);
      const before = await store.capture(variable, writer);

      const hook = { signal: 'SIGKILL' as const, call, half };
      const { said, signal } = await startWriter({ declared, spot: variable, value: hidden, hook }).ended;
      isWhole = signal === null;
      if (isWhole) expect(said).toBe('written');
      const found = readFileSync(path, 'utf8');
      expect([old, new_]).toContain(found);
      expect(statSync(path)).toMatchObject({ mode, uid, gid });
      ends.add(
        found === old ? 'old' : existsSync(seen) && readFileSync(seen, 'utf8') === new_ ? 'told' : 'new, untold',
      );

      // The next worker tries the same again: readers are told whatever happened, and nothing is left over.
      await store.write(variable, secret, writer, before.memento);
      expect(readFileSync(path, 'utf8')).toBe(new_);
      expect(statSync(path)).toMatchObject({ mode, uid, gid });
      expect(readFileSync(seen, 'utf8')).toBe(new_);
      expect(namesIn(folder)).toEqual(['.env']);
      writeFileSync(seen, '');
    }
    expect(call).toBeGreaterThan(15);
    expect(ends).toEqual(new Set(['old', 'new, untold', 'told']));
  }, 120_000);
}
