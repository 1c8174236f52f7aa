import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findDevServer } from '../../engine/find-dev-server.ts';
import { isAlive, recordedProgress, until, versionLine, type Workspace, workspace } from './workspace.ts';

const NOBODY_LISTENS = 'http://127.0.0.1:1';

function find(
  space: Workspace,
  { env = {}, downloadHost = NOBODY_LISTENS }: Partial<Parameters<typeof findDevServer>[0]> = {},
) {
  const progress = recordedProgress();
  const options = { env: { PATH: space.bin, ...env }, cacheDir: space.cacheDir, progress, downloadHost };
  return { progress, found: findDevServer(options) };
}

/** A `go` that "builds" a server of this version and counts its runs. */
const fakeGo = (space: Workspace, server: string) =>
  space.program(
    'go',
    `echo run >> ${space.folder}/go-runs; echo go.temporal.io/server/common >&2; /bin/sleep 0.2
     printf '#!/bin/sh\\necho "${versionLine(server)}"\\n' > "$GOBIN/temporal"; /bin/chmod +x "$GOBIN/temporal"`,
  );
const goRuns = (space: Workspace) => readFileSync(join(space.folder, 'go-runs'), 'utf8').trim().split('\n').length;

async function httpServer(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('the order in which the server is looked for', () => {
  test('the program that KEYTURN_TEMPORAL_CLI names goes before everything', async () => {
    using space = workspace();
    space.program('temporal', `echo "${versionLine('1.30.0')}"`);
    const own = space.program(join(space.folder, 'own'), `echo "${versionLine('1.31.2')}"`);
    const { found } = find(space, { env: { KEYTURN_TEMPORAL_CLI: own } });
    expect(await found).toEqual({ path: own, server: '1.31.2', from: 'KEYTURN_TEMPORAL_CLI' });
  });

  test('a named program that does not run is an error, not a reason to take another', async () => {
    using space = workspace();
    space.program('temporal', `echo "${versionLine('1.30.0')}"`);
    const { found } = find(space, { env: { KEYTURN_TEMPORAL_CLI: '/nowhere/temporal' } });
    await expect(found).rejects.toMatchObject({
      code: 'KEYTURN_ENGINE_MISSING',
      message: expect.stringContaining('KEYTURN_TEMPORAL_CLI is /nowhere/temporal: not found'),
    });
  });

  test('temporal on PATH goes before the cache', async () => {
    using space = workspace();
    const onPath = space.program('temporal', `echo "${versionLine('1.30.0')}"`);
    space.program(join(space.cacheDir, 'temporal'), `echo "${versionLine('1.29.1')}"`);
    expect(await find(space).found).toEqual({ path: onPath, server: '1.30.0', from: 'PATH' });
  });

  test.each([
    ['an old server', `echo "${versionLine('1.20.3')}"`],
    ['another program of the same name', 'echo "temporal 3.2"'],
  ])('%s on PATH is passed over', async (_, script) => {
    using space = workspace();
    space.program('temporal', script);
    const cached = space.program(join(space.cacheDir, 'temporal'), `echo "${versionLine('1.29.1')}"`);
    expect(await find(space).found).toEqual({ path: cached, server: '1.29.1', from: 'cache' });
  });

  test('the download goes before Go, and is found in the cache the next time', async () => {
    using space = workspace();
    fakeGo(space, '1.29.1');
    space.program(join(space.folder, 'archive/temporal'), `echo "${versionLine('1.32.0')}"`);
    spawnSync('tar', ['-czf', join(space.folder, 'a.tgz'), '-C', join(space.folder, 'archive'), 'temporal']);
    await using host = await httpServer((request, response) => {
      if (request.url?.startsWith('/cli/default?')) {
        response.end(JSON.stringify({ archiveUrl: `http://${request.headers.host}/moved`, fileToExtract: 'temporal' }));
      } else if (request.url === '/moved') {
        response.writeHead(302, { location: '/a.tgz' }).end();
      } else {
        response.end(readFileSync(join(space.folder, 'a.tgz')));
      }
    });
    const env = { PATH: `${space.bin}:/usr/bin:/bin` };
    const cached = join(space.cacheDir, 'temporal');
    expect(await find(space, { env, downloadHost: host.url }).found).toEqual({
      path: cached,
      server: '1.32.0',
      from: 'download',
    });
    expect(await find(space).found).toEqual({ path: cached, server: '1.32.0', from: 'cache' });
  });
});

describe('what goes wrong on the way', () => {
  test('a download host that never answers is given up within seconds, and Go is next', async () => {
    using space = workspace();
    fakeGo(space, '1.29.1');
    await using host = await httpServer(() => {});
    const started = Date.now();
    const { found, progress } = find(space, { downloadHost: host.url });
    expect(await found).toMatchObject({ from: 'go', path: join(space.cacheDir, 'temporal') });
    expect(Date.now() - started).toBeLessThan(9_000);
    expect(progress.lines).toContain(
      'failed: No download of Temporal (no answer within 5 s); building it with Go instead',
    );
  });

  test.each([
    ['a refusal', (response) => response.writeHead(403).end('no')],
    ['a page of a captive portal', (response) => response.end('<html>')],
    [
      'an archive that reaches out of its folder',
      (response) => response.end(JSON.stringify({ archiveUrl: 'http://127.0.0.1/x', fileToExtract: '../../temporal' })),
    ],
  ] satisfies [string, (response: Parameters<RequestListener>[1]) => unknown][])(
    'a download that answers with %s is followed by Go',
    async (_, answer) => {
      using space = workspace();
      fakeGo(space, '1.29.1');
      await using host = await httpServer((_request, response) => void answer(response));
      expect(await find(space, { downloadHost: host.url }).found).toMatchObject({ from: 'go' });
    },
  );

  test('a broken file in the cache is fetched again', async () => {
    using space = workspace();
    fakeGo(space, '1.29.1');
    space.program(join(space.cacheDir, 'temporal'), 'exit 1');
    const { found, progress } = find(space);
    expect(await found).toMatchObject({ from: 'go' });
    expect(progress.lines).toContain('failed: The cached Temporal cannot be used (exit code 1); fetching it again');
    expect(await find(space).found).toMatchObject({ from: 'cache' });
  });

  test('several that look at once fetch once', async () => {
    using space = workspace();
    fakeGo(space, '1.29.1');
    const all = await Promise.all([find(space).found, find(space).found, find(space).found]);
    expect(all.map(({ from }) => from).toSorted()).toEqual(['cache', 'cache', 'go']);
    expect(goRuns(space)).toBe(1);
  });

  test('a build that makes something else is not put into the cache', async () => {
    using space = workspace();
    fakeGo(space, '1.20.0');
    await expect(find(space).found).rejects.toThrow('its server 1.20.0 is older than 1.29');
    await expect(find(space).found).rejects.toThrow('its server 1.20.0 is older than 1.29');
    expect(goRuns(space)).toBe(2);
  });

  test('the error names every way and why each came to nothing', async () => {
    using space = workspace();
    await expect(find(space).found).rejects.toMatchObject({
      code: 'KEYTURN_ENGINE_MISSING',
      message:
        "Temporal's development server could not be had. Tried: temporal is not on PATH; the SDK's download: " +
        'the connection was refused; go install github.com/temporalio/cli/cmd/temporal@v1.5.1: Go is not on PATH.',
    });
  });

  test('a person who gives up waiting stops the build', async () => {
    using space = workspace();
    const pidFile = join(space.folder, 'go-pid');
    space.program('go', `echo $$ > ${pidFile}.new; /bin/mv ${pidFile}.new ${pidFile}; exec /bin/sleep 60`);
    const progress = recordedProgress();
    const person = new AbortController();
    const options = { env: { PATH: space.bin }, cacheDir: space.cacheDir, progress, downloadHost: NOBODY_LISTENS };
    const found = findDevServer({ ...options, signal: person.signal });
    const stopped = expect(found).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => existsSync(pidFile));
    person.abort();
    await stopped;
    // It is told to end, which takes it a moment.
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await until(() => !isAlive(pid));
  });
});
