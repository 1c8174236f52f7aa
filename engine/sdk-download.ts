import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { isAbsolute, join, normalize } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, interceptors, request } from 'undici';
import { z } from 'zod';
import type { Environment } from './run-program.ts';

/** Where Temporal's own SDKs fetch their development servers (sdk-core, `ephemeral_server/mod.rs`; facts temporal §9). */
export const SDK_DOWNLOAD_HOST = 'https://temporal.download';

/** A host that cannot be reached must not hold up the way that comes after it. */
const CONNECT_TIMEOUT_MS = 3_000;
/** From the request to the first byte of the answer. */
const ANSWER_TIMEOUT_MS = 5_000;
/** Between two pieces of the archive: a slow line is fine, a dead one is not. */
const STALL_TIMEOUT_MS = 10_000;

export type SdkArtifact = 'cli' | 'temporal-test-server';

export type SdkDownloadOptions = {
  env: Environment;
  /** Another host than Temporal's, for tests. */
  host: string;
  signal?: AbortSignal | undefined;
  /** Told how many bytes have come so far. */
  onBytes(bytes: number): void;
};

const downloadInfo = z.object({ archiveUrl: z.url(), fileToExtract: z.string() });

/**
 * Downloads what the SDK itself would download, into `folder`, and answers the path of the program.
 *
 * The request is the SDK's own, made here because the SDK's has no time limit of its own: behind a firewall that drops
 * packets it would hold up `npm start` for minutes. This one gives up on a dead host within seconds.
 *
 * @throws Error with a sentence for a person, when it cannot be had this way
 */
export async function downloadFromSdkHost(
  artifact: SdkArtifact,
  folder: string,
  options: SdkDownloadOptions,
): Promise<string> {
  const { env, host, signal } = options;
  // An empty string, not undefined: undici would read the proxy from process.env by itself.
  const agent = new EnvHttpProxyAgent({
    httpProxy: env.http_proxy ?? env.HTTP_PROXY ?? '',
    httpsProxy: env.https_proxy ?? env.HTTPS_PROXY ?? '',
    noProxy: env.no_proxy ?? env.NO_PROXY ?? '',
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: STALL_TIMEOUT_MS,
  });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }));
  const get = async (url: URL | string) => {
    const answer = await request(url, { dispatcher, ...(signal && { signal }) });
    if (answer.statusCode !== 200) throw new Error(`answer ${answer.statusCode}`);
    return answer.body;
  };

  try {
    const info = downloadInfo.safeParse(await (await get(infoUrl(host, artifact))).json());
    if (!info.success) throw new Error('an answer in another form than expected');
    const file = normalize(info.data.fileToExtract);
    if (isAbsolute(file) || file.startsWith('..')) throw new Error('an archive that would leave its folder');

    await mkdir(folder, { recursive: true });
    await extract(await get(info.data.archiveUrl), info.data.fileToExtract, folder, options);
    return join(folder, file);
  } catch (error) {
    throw new Error(inWords(error));
  } finally {
    await agent.destroy();
  }
}

function infoUrl(host: string, artifact: SdkArtifact): URL {
  const { version } = createRequire(import.meta.url)('@temporalio/client/package.json') as { version: string };
  const url = new URL(`/${artifact}/default`, host);
  url.searchParams.set('arch', process.arch === 'arm64' ? 'arm64' : 'amd64');
  url.searchParams.set('platform', process.platform === 'darwin' ? 'darwin' : 'linux');
  // Only the CLI comes in several formats; the test server's archive is always the one of the platform.
  if (artifact === 'cli') url.searchParams.set('format', 'tar.gz');
  url.searchParams.set('sdk-name', 'sdk-typescript');
  url.searchParams.set('sdk-version', version);
  return url;
}

/** Unpacks one file of the archive as it arrives, so that it is never on the disk or in memory as a whole. */
async function extract(archive: Readable, file: string, folder: string, { env, onBytes }: SdkDownloadOptions) {
  const tar = spawn('tar', ['-xzf', '-', '-C', folder, file], { env, stdio: ['pipe', 'ignore', 'ignore'] });
  let bytes = 0;
  archive.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    onBytes(bytes);
  });
  const [sent, ended] = await Promise.allSettled([pipeline(archive, tar.stdin), once(tar, 'close')]);
  if (ended.status === 'rejected') throw new Error('tar, which unpacks it, cannot be run');
  // EPIPE only says that tar gave up before the end; its exit code is the reason.
  if (sent.status === 'rejected' && sent.reason?.code !== 'EPIPE') throw sent.reason;
  if (tar.exitCode !== 0) throw new Error(`an archive that tar does not read (exit code ${tar.exitCode})`);
}

function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return `no connection within ${CONNECT_TIMEOUT_MS / 1000} s`;
    case 'UND_ERR_HEADERS_TIMEOUT':
      return `no answer within ${ANSWER_TIMEOUT_MS / 1000} s`;
    case 'UND_ERR_BODY_TIMEOUT':
      return `the download stood still for ${STALL_TIMEOUT_MS / 1000} s`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host is not known here (no network?)';
    case 'ECONNREFUSED':
      return 'the connection was refused';
    default:
      return error.message;
  }
}
