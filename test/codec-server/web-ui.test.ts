import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectTemporal } from '../../client/temporal.ts';
import { keyturnPaths } from '../../config/paths.ts';
import { openKeyring } from '../../keyring/keyring-source.ts';
import { mainFile, runKeyturn } from '../run-keyturn.ts';

/** Debian's. playwright-core brings no browser of its own. */
const executablePath = '/usr/bin/chromium';
const missing = !existsSync(executablePath);
const title = 'the Web UI of keyturn dev';

// `keyturn dev` with its first two rotations, and a browser beside it.
const startTimeoutMs = 120_000;

describe.skipIf(missing)(missing ? `${title} (skipped: there is no ${executablePath})` : title, () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-web-ui-'));
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_DATA_HOME: join(folder, 'data'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
    KEYTURN_TEMPORAL_CLI: inject('temporalCli'),
  };
  let dev: ChildProcess;
  let browser: Browser;
  /** The run of the first rotation, with its key being made. */
  let rotation: string;
  let apiKey: string;

  beforeAll(async () => {
    const ports = ['port', 'ui-port', 'simulator-port', 'codec-port'].flatMap((name) => [`--${name}`, '0']);
    dev = spawn(process.execPath, [mainFile, 'dev', ...ports], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [uiUrl, address] = await addresses(dev);
    rotation = `${uiUrl}/namespaces/default/workflows/rotation-policy%2Fdemo/${await firstRun(address)}/history`;
    apiKey = (await runKeyturn({ folder, env }, ['secret', 'get', 'demo', '--yes'])).stdout.trim();
    browser = await chromium.launch({ executablePath });
  }, startTimeoutMs);

  afterAll(async () => {
    await browser?.close();
    dev.kill('SIGTERM');
    if (dev.exitCode === null && dev.signalCode === null) await once(dev, 'exit');
    rmSync(folder, { recursive: true, force: true });
  });

  async function firstRun(address: string): Promise<string> {
    const keyring = await openKeyring(keyturnPaths(env).keyringFile);
    const { client, connection } = await connectTemporal({ env: {}, address, keyring });
    const { raw } = await client.workflow.getHandle('rotation-policy/demo').describe();
    await connection.close();
    return String(raw.workflowExecutionInfo?.firstRunId);
  }

  test('shows readable input, and of a created key only its sealed form', async () => {
    const page = await browser.newPage();
    const decoded = readsDecoded(page);
    await page.goto(rotation);
    await page.getByText('"appliedAt"').first().waitFor();
    // The summary of a step is encrypted, too.
    await page.getByText('read local OPENROUTER_API_KEY back').first().waitFor();
    await expect.poll(() => decoded().some((text) => /"kt1\.[^"]+"/.test(text))).toBe(true);

    expect(await textOf(page)).not.toContain('encryption-key-id');
    await expectNoKey(page, decoded());
    await page.close();
  });

  test('shows ciphertext when it knows no codec endpoint', async () => {
    const page = await browser.newPage();
    const decoded = readsDecoded(page);
    // As without --ui-codec-endpoint: the server tells its Web UI of none.
    await page.route('**/api/v1/settings*', async (route) => {
      const response = await route.fetch();
      const settings = (await response.json()) as { Codec: { Endpoint: string } };
      expect(settings.Codec.Endpoint).toMatch(/^http:\/\/127\.0\.0\.1:/);
      await route.fulfill({ response, json: { ...settings, Codec: { ...settings.Codec, Endpoint: '' } } });
    });
    await page.goto(rotation);
    await page.getByText('"encryption-key-id"').first().waitFor();

    const text = await textOf(page);
    for (const readable of ['appliedAt', 'OPENROUTER_API_KEY', 'demo-app']) expect(text).not.toContain(readable);
    expect(decoded()).toEqual([]);
    await expectNoKey(page, []);
    await page.close();
  });

  test('decodes nothing for a page of another origin', async () => {
    const page = await browser.newPage();
    await page.goto(rotation);
    const endpoint = await page.evaluate(async () => {
      const settings = (await (await fetch('/api/v1/settings')).json()) as { Codec: { Endpoint: string } };
      return settings.Codec.Endpoint;
    });
    // The codec server's own address is a page of another origin than the Web UI's.
    await page.goto(`${endpoint}/healthz`);
    const status = await page.evaluate(async () => {
      const headers = { 'content-type': 'application/json' };
      return (await fetch('/default/decode', { method: 'POST', headers, body: '{"payloads":[]}' })).status;
    });
    expect(status).toBe(403);
    await page.close();
  });

  /** Neither in what the page shows or holds nor in what the browser was sent. */
  async function expectNoKey(page: Page, decoded: readonly string[]): Promise<void> {
    expect(apiKey).toMatch(/^sk-or-v1-/);
    const everything = [await textOf(page), await page.content(), ...decoded].join('\n');
    for (const form of ['utf8', 'base64', 'hex'] as const) {
      expect(everything).not.toContain(Buffer.from(apiKey).toString(form));
    }
    expect(everything).not.toContain('sk-or-');
  }
});

/** Where `keyturn dev` has its Web UI and its Temporal, once it is ready. */
async function addresses(dev: ChildProcess): Promise<[string, string]> {
  const said: string[] = [];
  for await (const line of createInterface(dev.stdout as NodeJS.ReadableStream)) {
    said.push(line);
    const uiUrl = /Web UI: (http\S+)/.exec(said.join('\n'))?.[1];
    const address = /^Temporal is at (\S+)\. /.exec(line)?.[1];
    if (uiUrl !== undefined && address !== undefined) {
      dev.stdout?.resume();
      return [uiUrl, address];
    }
  }
  throw new Error(`keyturn dev ended: ${said.join('\n')}`);
}

async function textOf(page: Page): Promise<string> {
  return String(await page.locator('body').textContent());
}

/** What the codec server answered the page, so far: the decoded data of each payload. */
function readsDecoded(page: Page): () => string[] {
  const decoded: string[] = [];
  page.on('response', async (response) => {
    if (!response.url().endsWith('/decode') || response.request().method() !== 'POST') return;
    const body = await response.body().catch(() => Buffer.from('{"payloads":[]}'));
    const { payloads } = JSON.parse(body.toString()) as { payloads: { data?: string }[] };
    decoded.push(...payloads.map(({ data = '' }) => Buffer.from(data, 'base64').toString()));
  });
  return () => decoded;
}
