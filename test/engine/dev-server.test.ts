import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, inject, test } from 'vitest';
import { type DevServerOptions, startDevServer } from '../../engine/dev-server.ts';
import { isAlive, until, type Workspace, workspace } from './workspace.ts';

const start = (space: Workspace, options: Partial<DevServerOptions> = {}) =>
  startDevServer({
    executable: inject('temporalCli'),
    env: process.env,
    logFile: join(space.folder, 'logs/temporal.log'),
    port: 0,
    uiPort: false,
    ...options,
  });

async function listen(port: number): Promise<Server & AsyncDisposable> {
  const server = createServer().listen(port, '127.0.0.1');
  // Taken by somebody else is as good: the point is that the port is taken.
  await Promise.race([once(server, 'listening'), once(server, 'error')]).catch(() => {});
  return server;
}

describe('a real server', () => {
  test('serves, keeps its workflows over a restart, and leaves no process', async () => {
    using space = workspace();
    const dbFile = join(space.folder, 'data/temporal.sqlite');

    const first = await start(space, { dbFile, uiPort: 0 });
    expect((await fetch(first.uiUrl as string)).status).toBe(200);
    expect(statSync(dbFile).mode & 0o777).toBe(0o600);
    const before = await Connection.connect({ address: first.address });
    await new Client({ connection: before }).workflow.start('sleeper', { taskQueue: 'none', workflowId: 'kept' });
    await before.close();
    await first.close();
    await first.close();
    expect(await first.ended).toBeUndefined();
    expect(isAlive(first.pid)).toBe(false);

    const second = await start(space, { dbFile });
    const after = await Connection.connect({ address: second.address });
    const { status } = await new Client({ connection: after }).workflow.getHandle('kept').describe();
    expect(status.name).toBe('RUNNING');
    await after.close();
    await second.close();
    expect(isAlive(second.pid)).toBe(false);
  });

  test('dies with the process that started it, even one killed by SIGKILL, and starts again on the same data', async () => {
    using space = workspace();
    const dbFile = join(space.folder, 'data/temporal.sqlite');
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', PARENT], {
      env: {
        ...process.env,
        MODULE: new URL('../../engine/dev-server.ts', import.meta.url).href,
        OPTIONS: JSON.stringify({ executable: inject('temporalCli'), logFile: `${dbFile}.log`, dbFile }),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);

    parent.kill('SIGKILL');
    await until(() => !isAlive(pid));
    const again = await start(space, { dbFile });
    await again.close();
  });

  test('is not started twice on one data file', async () => {
    using space = workspace();
    const dbFile = join(space.folder, 'temporal.sqlite');
    const server = await start(space, { dbFile });
    await expect(start(space, { dbFile })).rejects.toMatchObject({ code: 'KEYTURN_ENGINE_IN_USE' });
    await server.close();
    await (await start(space, { dbFile })).close();
  });

  test('that is killed by somebody says so', async () => {
    using space = workspace();
    const server = await start(space);
    process.kill(server.pid, 'SIGKILL');
    expect(await server.ended).toMatchObject({
      code: 'KEYTURN_ENGINE_FAILED',
      message: expect.stringContaining('ended (SIGKILL)'),
    });
    await server.close();
  });
});

const PARENT = `
const { startDevServer } = await import(process.env.MODULE);
const options = JSON.parse(process.env.OPTIONS);
const server = await startDevServer({ ...options, env: process.env, port: 0, uiPort: false });
console.log(server.pid);
setInterval(() => {}, 1000);
`;

describe('ports', () => {
  test('a port that was asked for and is taken is an error that names it', async () => {
    using space = workspace();
    await using taken = await listen(0);
    const { port } = taken.address() as { port: number };
    await expect(start(space, { port })).rejects.toMatchObject({
      code: 'KEYTURN_PORT_IN_USE',
      message: `Port ${port}, wanted for Temporal, is in use.`,
    });
    await expect(start(space, { uiPort: port })).rejects.toMatchObject({
      message: `Port ${port}, wanted for Temporal's Web UI, is in use.`,
    });
  });

  test('a usual port that is taken is passed over', async () => {
    using space = workspace();
    await using _temporal = await listen(7233);
    await using _ui = await listen(8233);
    const server = await startDevServer({
      executable: inject('temporalCli'),
      env: process.env,
      logFile: join(space.folder, 'log'),
    });
    expect(server.address).not.toBe('127.0.0.1:7233');
    expect(server.uiUrl).not.toBe('http://127.0.0.1:8233');
    await server.close();
  });
});

describe('a program that does not serve', () => {
  test('and ends: the error shows the end of its log, and the data is free again', async () => {
    using space = workspace();
    const dbFile = join(space.folder, 'temporal.sqlite');
    const executable = space.program('temporal', 'echo "cannot open database"; exit 3');
    const failing = { executable, dbFile };
    const error = {
      code: 'KEYTURN_ENGINE_FAILED',
      message: expect.stringMatching(/exit code 3.*cannot open database/s),
    };
    await expect(start(space, failing)).rejects.toMatchObject(error);
    await expect(start(space, failing)).rejects.toMatchObject(error);
  });

  test('and cannot be run at all', async () => {
    using space = workspace();
    await expect(start(space, { executable: join(space.bin, 'nothing') })).rejects.toMatchObject({
      code: 'KEYTURN_ENGINE_FAILED',
      message: expect.stringContaining('cannot be run (ENOENT)'),
    });
  });

  test('is given nothing secret of the environment', async () => {
    using space = workspace();
    const executable = space.program('temporal', '/usr/bin/env');
    const env = { ...process.env, OPENROUTER_API_KEY: 'a-secret', TEMPORAL_API_KEY: 'a-secret' };
    const failed = await start(space, { executable, env }).catch((error: Error) => error.message);
    expect(failed).toContain('PATH=');
    expect(failed).not.toContain('a-secret');
  });
});
