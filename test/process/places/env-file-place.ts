import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlaceUnderTest } from './place-under-test.ts';

const field = 'OPENROUTER_API_KEY';
const others = ['# by hand\r', 'export DATABASE="postgres://shop"', '', '  SPACED = 1', ''].join('\n');

/** `breaks`: the policy's folder is none any more, which also root's processes meet. */
export type EnvFilePlace = PlaceUnderTest & {
  folder: string;
  breaks: (policy: string) => Promise<void>;
  mends: (policy: string) => Promise<void>;
};

/** A variable in a policy's .env file. */
export async function envFilePlace(): Promise<EnvFilePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-env-files-'));
  const file = (policy: string) => join(folder, policy, 'app.env');
  const lines = async (policy: string) => (await readFile(file(policy), 'utf8')).split('\n');
  const isKey = (line: string) => line.includes(`${field}=`);
  return {
    store: 'env-file',
    folder,
    declared: { kind: 'env-file', folder },
    env: {},
    spotOf: (policy) => ({ name: `${policy}/app.env`, field }),
    async make(policy) {
      await mkdir(join(folder, policy));
      await writeFile(file(policy), others, { mode: 0o640 });
    },
    async fields(policy) {
      const named = (await lines(policy)).filter((line) => line.includes('='));
      return Object.fromEntries(named.map((line) => line.split('=').map((part) => part.trim())));
    },
    async keyIn(policy) {
      const line = (await lines(policy)).find(isKey);
      return line?.split('=')[1]?.replaceAll(/["'\r]/g, '') || null;
    },
    all: async (policy) => ({ text: await readFile(file(policy), 'utf8'), mode: (await stat(file(policy))).mode }),
    others: async (policy) => (await lines(policy)).filter((line) => !isKey(line)).join('\n'),
    async breaks(policy) {
      await rename(join(folder, policy), join(folder, `${policy}.away`));
      await writeFile(join(folder, policy), '');
    },
    async mends(policy) {
      await rm(join(folder, policy));
      await rename(join(folder, `${policy}.away`), join(folder, policy));
    },
    close: () => rm(folder, { recursive: true }),
  };
}
