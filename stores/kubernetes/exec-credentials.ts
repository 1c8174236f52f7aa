import { execFile } from 'node:child_process';
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import type { KeyturnError } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import type { Cluster } from './cluster-access.ts';
import type { ExecPlugin } from './kubeconfig.ts';

type Made = {
  bearer: Secret | null;
  client: { certificate: string; key: Secret } | null;
  /** By the clock of `now`. */
  endsMs: number;
};

const runsForMs = 30_000;
const mostBytes = 1024 * 1024;
/** A credential that ends while a request is under way ends it. */
const beforeItsEndMs = 30_000;

const answer = z.looseObject({
  kind: z.literal('ExecCredential'),
  status: z.looseObject({
    token: z.string().min(1).nullish(),
    clientCertificateData: z.string().min(1).nullish(),
    clientKeyData: z.string().min(1).nullish(),
    expirationTimestamp: z.string().nullish(),
  }),
});

/**
 * Credentials that a program makes (`exec` in a kubeconfig), kept until they end or are not accepted. The program is run
 * without a shell; nothing of what it prints is passed on.
 */
export function execCredentials(tools: {
  env: Readonly<Record<string, string | undefined>>;
  /** What a relative path of the program is meant from; null: nothing. */
  folder: string | null;
  now: () => number;
  /** Completes "the kubeconfig …". */
  failed: (why: string) => KeyturnError;
}) {
  let kept: { of: string; made: Promise<Made> } | null = null;

  async function make(plugin: ExecPlugin, cluster: Cluster): Promise<Made> {
    const read = answer.safeParse(jsonOf(await run(plugin, cluster, tools)));
    if (!read.success) throw tools.failed('has an exec plugin that answers no ExecCredential');
    const { token, clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = read.data.status;
    const ends = Date.parse(expirationTimestamp ?? '');
    return {
      bearer: token ? new Secret(token) : null,
      client: certificate && key ? { certificate, key: new Secret(key) } : null,
      endsMs: Number.isNaN(ends) ? Number.POSITIVE_INFINITY : ends,
    };
  }

  return {
    /** @throws what `failed` makes */
    async current(plugin: ExecPlugin, cluster: Cluster): Promise<Made> {
      const of = JSON.stringify([plugin, cluster.server]);
      const known = kept?.of === of ? await kept.made.catch(() => null) : null;
      if (known !== null && known.endsMs - beforeItsEndMs > tools.now()) return known;
      const made = make(plugin, cluster);
      kept = { of, made };
      return made;
    },
    forget(): void {
      kept = null;
    },
  };
}

type RunTools = Parameters<typeof execCredentials>[0];

function run(plugin: ExecPlugin, cluster: Cluster, { env, folder, failed }: RunTools): Promise<string> {
  const { command } = plugin;
  const isPath = command.includes('/');
  if (isPath && !isAbsolute(command) && folder === null) {
    return Promise.reject(failed('names its exec plugin by a relative path, and is no file itself'));
  }
  const program = isPath ? resolve(folder ?? '/', command) : command;
  const info = {
    kind: 'ExecCredential',
    apiVersion: plugin.apiVersion,
    spec: { interactive: false, ...(plugin.provideClusterInfo ? { cluster: clusterInfo(cluster) } : {}) },
  };
  const options = {
    env: { ...env, ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    timeout: runsForMs,
    killSignal: 'SIGKILL',
    maxBuffer: mostBytes,
  } as const;
  return new Promise((done, reject) => {
    const child = execFile(program, plugin.args, options, (error, stdout) => {
      // The error's message has the arguments and what the program wrote to stderr.
      if (error === null) return done(stdout);
      const { code } = error as { code?: unknown };
      const how = error.killed ? 'was too slow or wrote too much' : code === 'ENOENT' ? 'is not there' : 'has failed';
      reject(failed(`has an exec plugin that ${how}${typeof code === 'number' ? ` (exit code ${code})` : ''}`));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end();
  });
}

function clusterInfo({ server, tls, proxy }: Cluster) {
  return {
    server,
    ...(tls.ca === null ? {} : { 'certificate-authority-data': Buffer.from(tls.ca).toString('base64') }),
    ...(tls.serverName === null ? {} : { 'tls-server-name': tls.serverName }),
    ...(tls.verify ? {} : { 'insecure-skip-tls-verify': true }),
    ...(proxy === null ? {} : { 'proxy-url': proxy }),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the error quotes the text, which may be a token
  }
}
