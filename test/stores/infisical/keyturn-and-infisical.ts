import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { request } from 'undici';
import { inject } from 'vitest';
import { type Stack, startStack } from '../../process/stack.ts';
import { startWorker } from '../../process/worker-process.ts';
import { mainFile } from '../../run-keyturn.ts';
import { startInfisical } from './stub/stub.ts';
import { type Folder, project } from './stub/world.ts';

const run = promisify(execFile);
const text = await readFile(fileURLToPath(new URL('../../../docs/from-infisical.md', import.meta.url)), 'utf8');
export const secretName = 'OPENROUTER_API_KEY';

/** The blocks of a section of docs/from-infisical.md, one after the other. */
export function blocks(section: string, language: string): string[] {
  const from = text.indexOf(`\n## ${section}\n`);
  const to = text.indexOf('\n## ', from + 4);
  if (from < 0) throw new Error(`no section ${section}`);
  const fence = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g');
  return [...text.slice(from, to).matchAll(fence)].map((match) => String(match[1]));
}

export type Key = { hash: string; name: string; disabled: boolean };

/** A Keyturn that has taken over nothing yet, a folder of Infisical, and the account of OpenRouter behind both. */
export async function startPlace() {
  const stack = await startStack(inject('temporalCli'));
  const infisical = await startInfisical();
  const folder = infisical.world.folder('prod', '/payments');
  const ours = infisical.identity();
  const person = infisical.identity();
  const login = await request(`${infisical.url}/api/v1/auth/universal-auth/login`, {
    method: 'POST',
    body: JSON.stringify({ clientId: person.clientId, clientSecret: person.clientSecret }),
  });
  const { accessToken } = (await login.body.json()) as { accessToken: string };
  stack.secrets.push(ours.clientSecret);

  const bin = join(stack.folder, 'cache', 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'keyturn'), `#!/bin/sh\nexec "${process.execPath}" "${mainFile}" "$@"\n`);
  await chmod(join(bin, 'keyturn'), 0o755);
  const env = {
    ...stack.env,
    PATH: `${bin}:${process.env.PATH}`,
    OPENROUTER: stack.simulator.url,
    OPENROUTER_MANAGEMENT_KEY: stack.simulator.managementKey,
    INFISICAL: infisical.url,
    INFISICAL_TOKEN: accessToken,
    INFISICAL_CLIENT_ID: ours.clientId,
    INFISICAL_CLIENT_SECRET: ours.clientSecret,
  };
  const [keyturnYaml = '', policyYaml = ''] = blocks('Before', 'yaml');
  const declared = keyturnYaml
    .replace('https://app.infisical.com #', `${infisical.url} #`)
    .replace('3fa85f64-5717-4562-b3fc-2c963f66afa6', project)
    .replace('OPENROUTER_MANAGEMENT_KEY }', `OPENROUTER_MANAGEMENT_KEY, baseUrl: "${stack.simulator.url}" }`);
  await writeFile(join(stack.folder, 'keyturn.yaml'), declared);
  await writeFile(join(stack.folder, 'checkout.yaml'), policyYaml);
  const worker = startWorker({ ...stack, env });
  await worker.ready;

  return {
    ...{ stack, infisical, folder },
    /** A block as a person pastes it. */
    paste: async (block: string | undefined, more: Record<string, string> = {}) => {
      const { stdout } = await run('sh', ['-euc', String(block)], { cwd: stack.folder, env: { ...env, ...more } });
      return stdout;
    },
    newKey: async (name: string) => {
      const made = await askOpenRouter(stack, 'POST', { name });
      return String(made.key);
    },
    keys: async () => (await askOpenRouter(stack, 'GET')).data as Key[],
    close: async () => {
      await worker.kill('SIGTERM');
      await stack.close();
      await infisical.close();
    },
  };
}

async function askOpenRouter({ simulator }: Stack, method: 'GET' | 'POST', body?: object) {
  const answer = await request(`${simulator.url}/keys?include_disabled=true`, {
    method,
    headers: { authorization: `Bearer ${simulator.managementKey}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return (await answer.body.json()) as { key?: string; data: unknown };
}

/** An application that reads the secret again and again, and uses what it has read. */
export function startReader(folder: Folder, { simulator }: Stack) {
  const refused: string[] = [];
  const seen = new Set<string>();
  let isOver = false;
  const reading = (async () => {
    while (!isOver) {
      const value = folder.secrets.get(secretName)?.value ?? '';
      const { statusCode, body } = await request(`${simulator.url}/key`, {
        headers: { authorization: `Bearer ${value}` },
      });
      await body.dump();
      seen.add(value);
      if (statusCode !== 200) refused.push(`${statusCode} for ${simulator.control.whoIs(value)}`);
      await sleep(20);
    }
  })();
  return async () => {
    isOver = true;
    await reading;
    return { refused, values: seen.size };
  };
}

export type Place = Awaited<ReturnType<typeof startPlace>>;
