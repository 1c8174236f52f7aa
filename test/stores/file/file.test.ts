import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFile } from '../../../stores/file/open.ts';
import { describeStore } from '../conformance.ts';
import { ownTime } from '../own-time.ts';

describeStore('a plain file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-file-'));
  const store = openFile({ kind: 'file', folder }, { name: 'files', folder, env: {}, ...ownTime });
  let spots = 0;
  return {
    store,
    freshSpot: () => ({ name: `secret-${++spots}`, field: null }),
    valueOf: async ({ name }) => read(join(folder, name)),
    tamper: async ({ name }, value) => writeFileSync(join(folder, name), value),
    close: () => rmSync(folder, { recursive: true }),
  };
});

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
