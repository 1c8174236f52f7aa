import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assignmentsIn } from '../../../stores/env-file/lines.ts';
import { openEnvFile } from '../../../stores/env-file/open.ts';
import { describeStore } from '../conformance.ts';
import { ownTime } from '../own-time.ts';

const awkward = `# a comment, OPENROUTER=in-it
export FIRST="1" # one
MULTI="a
OTHER_KEY=not this one
b"
\tLAST = 'x'`;

for (const newline of ['\n', '\r\n']) {
  describeStore(`a .env file with lines ending in ${JSON.stringify(newline)}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyturn-env-'));
    const store = openEnvFile({ kind: 'env-file', folder }, { name: 'dotenv', folder, env: {}, ...ownTime });
    const text = awkward.replaceAll('\n', newline);
    const held = (name: string, field: string | null) =>
      assignmentsIn(read(join(folder, name))).findLast((one) => one.name === field);
    let spots = 0;
    return {
      store,
      freshSpot() {
        const name = `.env.${++spots}`;
        writeFileSync(join(folder, name), text);
        return { name, field: 'OPENROUTER_API_KEY' };
      },
      async fields() {
        writeFileSync(join(folder, '.env'), text);
        return {
          one: { name: '.env', field: 'ONE' },
          other: { name: '.env', field: 'OTHER' },
          besides: async () =>
            read(join(folder, '.env'))
              .replace(/(\r?\n)?(ONE|OTHER)=.*/g, '')
              .trim(),
        };
      },
      valueOf: async ({ name, field }) => held(name, field)?.value ?? null,
      async tamper({ name, field }, value) {
        const path = join(folder, name);
        const one = held(name, field);
        const before = read(path);
        writeFileSync(
          path,
          one === undefined
            ? `${before}${newline}${field}=${value}`
            : `${before.slice(0, one.start)}${field}=${value}${before.slice(one.end)}`,
        );
      },
      close: () => rmSync(folder, { recursive: true }),
    };
  });
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}
