import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { expect, inject, test } from 'vitest';
import { findTestServer } from '../../engine/find-test-server.ts';
import { recordedProgress, workspace } from './workspace.ts';

test('a year on the test server passes in seconds', async () => {
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: inject('testServer') } },
  });
  const worker = await Worker.create({
    connection: environment.nativeConnection,
    taskQueue: 'year',
    workflowsPath: fileURLToPath(new URL('./year-workflow.ts', import.meta.url)),
  });
  const started = Date.now();
  const sleptDays = await worker.runUntil(
    environment.client.workflow.execute('sleepForAYear', { taskQueue: 'year', workflowId: 'year' }),
  );
  expect(Math.floor(sleptDays)).toBe(365);
  expect(Date.now() - started).toBeLessThan(15_000);
  await environment.teardown();
});

const look = (space: ReturnType<typeof workspace>) => {
  const progress = recordedProgress();
  const options = { env: { PATH: space.bin }, cacheDir: space.cacheDir, progress, downloadHost: 'http://127.0.0.1:1' };
  return { progress, found: findTestServer(options) };
};

test('without Java the error says so, and what was tried before', async () => {
  using space = workspace();
  await expect(look(space).found).rejects.toMatchObject({
    code: 'KEYTURN_TEST_SERVER_MISSING',
    message:
      "Temporal's time-skipping test server could not be had. Tried: the SDK's download: the connection was refused; " +
      'Maven: java is not on PATH.',
    remedy: expect.stringContaining('Java'),
  });
});

test('a server that Maven brings but that does not start is not kept', async () => {
  using space = workspace();
  space.program('java', 'exit 1');
  space.program('mvn', 'exit 0');
  for (const _ of ['first', 'second']) {
    await expect(look(space).found).rejects.toThrow('it does not start here');
  }
});
