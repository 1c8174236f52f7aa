import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type DevServer, startDevServer } from '../../engine/dev-server.ts';
import { setupNamespace } from '../../engine/setup.ts';
import { type Workspace, workspace } from './workspace.ts';

let space: Workspace;
let server: DevServer;
let connection: Connection;

beforeAll(async () => {
  space = workspace();
  server = await startDevServer({
    executable: inject('temporalCli'),
    env: process.env,
    logFile: join(space.folder, 'log'),
    port: 0,
    uiPort: false,
  });
  connection = await Connection.connect({ address: server.address });
});

afterAll(async () => {
  await connection.close();
  await server.close();
  space[Symbol.dispose]();
});

test('a namespace that was made a moment ago is waited for', { timeout: 60_000 }, async () => {
  const workflowExecutionRetentionPeriod = msToTs('1 day');
  // Asked for before it is made: for some seconds the server remembers that it is not there.
  const client = new Client({ connection, namespace: 'fresh' });
  await expect(client.workflow.count()).rejects.toThrow();
  await connection.workflowService.registerNamespace({ namespace: 'fresh', workflowExecutionRetentionPeriod });
  const searchAttributes = { SetupFresh: 'KEYWORD' } as const;
  const { registered } = await setupNamespace(connection, 'fresh', { searchAttributes });
  expect(registered).toEqual(['SetupFresh']);
});

test('search attributes are registered once and can be used at once', async () => {
  const searchAttributes = { SetupState: 'KEYWORD', SetupNext: 'DATETIME' } as const;
  expect(await setupNamespace(connection, 'default', { searchAttributes })).toEqual({
    registered: ['SetupState', 'SetupNext'],
    alreadyThere: [],
  });
  const client = new Client({ connection });
  const start = {
    taskQueue: 'none',
    workflowId: 'w',
    searchAttributes: { SetupState: ['a'], SetupNext: [new Date()] },
  };
  await client.workflow.start('sleeper', start);

  expect(await setupNamespace(connection, 'default', { searchAttributes })).toEqual({
    registered: [],
    alreadyThere: ['SetupState', 'SetupNext'],
  });
});

test('a search attribute that is there with another type is a clash, and nothing is registered', async () => {
  await setupNamespace(connection, 'default', { searchAttributes: { SetupTaken: 'INT' } });
  const clashing = { SetupFresh: 'KEYWORD', SetupTaken: 'KEYWORD' } as const;
  await expect(setupNamespace(connection, 'default', { searchAttributes: clashing })).rejects.toMatchObject({
    code: 'KEYTURN_SEARCH_ATTRIBUTE_CLASH',
    message: 'Search attribute SetupTaken is registered as INT; Keyturn needs KEYWORD.',
  });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
  expect(Object.keys(customAttributes)).not.toContain('SetupFresh');
});

test('a namespace that is not there is named', async () => {
  await expect(setupNamespace(connection, 'nowhere', { searchAttributes: {} })).rejects.toMatchObject({
    code: 'KEYTURN_NAMESPACE_UNKNOWN',
    message: 'This Temporal has no namespace "nowhere".',
  });
});

test('a server that refuses gives its reason', async () => {
  const tooMany = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`SetupText${n}`, 'TEXT' as const]));
  await expect(setupNamespace(connection, 'default', { searchAttributes: tooMany })).rejects.toMatchObject({
    code: 'KEYTURN_SETUP_REFUSED',
    message: expect.stringContaining('cannot be registered'),
  });
});

test('the time-skipping test server, which cannot list them, is set up as often as asked', async () => {
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: inject('testServer') } },
  });
  const searchAttributes = { SetupState: 'KEYWORD' } as const;
  await setupNamespace(environment.connection, 'default', { searchAttributes });
  await setupNamespace(environment.connection, 'default', { searchAttributes });
  await environment.teardown();
});
