import { parse } from 'yaml';
import { z } from 'zod';

/** What one context of a kubeconfig says, nothing of it read or run yet. Paths as they are written. */
export type KubeconfigContext = {
  server: string;
  namespace: string | null;
  ca: Pem | null;
  serverName: string | null;
  skipsVerification: boolean;
  proxy: string | null;
  token: { text: string } | { file: string } | null;
  clientCertificate: { certificate: Pem; key: Pem } | null;
  exec: ExecPlugin | null;
};

export type Pem = { text: string } | { file: string };

export type ExecPlugin = {
  apiVersion: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  provideClusterInfo: boolean;
};

const text = z.string().min(1).nullish();
const yes = z.boolean().nullish();

const cluster = z.looseObject({
  server: z.string(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': yes,
  'tls-server-name': text,
  'proxy-url': text,
});

const exec = z.looseObject({
  apiVersion: z.enum(['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']),
  command: z.string().min(1),
  args: z.array(z.string()).nullish(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string() })).nullish(),
  interactiveMode: z.string().nullish(),
  provideClusterInfo: yes,
});

const user = z.looseObject({
  token: text,
  tokenFile: text,
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  exec: exec.nullish(),
});

/** What Keyturn does not do; to pass over it would be to come as somebody else than is meant. */
const notDone: Record<string, string> = {
  username: 'a user name and password, which Kubernetes has not taken since 1.19',
  password: 'a user name and password, which Kubernetes has not taken since 1.19',
  'auth-provider': 'an auth-provider, which Kubernetes has replaced by exec',
  as: 'impersonation (as)',
  'as-uid': 'impersonation (as-uid)',
  'as-groups': 'impersonation (as-groups)',
  'as-user-extra': 'impersonation (as-user-extra)',
};

const named = <Field extends string, Shape extends z.ZodType>(field: Field, shape: Shape) =>
  z
    .array(z.looseObject({ name: z.string(), [field]: shape } as { name: z.ZodString } & Record<Field, Shape>))
    .nullish();

const kubeconfig = z.looseObject({
  'current-context': z.string().nullish(),
  // What stands in entries that are not asked for is no business of ours, right or wrong.
  contexts: named('context', z.unknown()),
  clusters: named('cluster', z.unknown()),
  users: named('user', z.unknown()),
});

const contextContent = z.looseObject({ cluster: z.string(), user: z.string().nullish(), namespace: text });

/** Why a kubeconfig cannot be used; completes "the kubeconfig …". No text of it but names of its fields. */
export class UnusableKubeconfig extends Error {
  override readonly name = 'UnusableKubeconfig';
}

const unusable = (why: string) => new UnusableKubeconfig(why);

/**
 * The context `name` of a kubeconfig, or its current one.
 *
 * @throws UnusableKubeconfig
 */
export function readKubeconfig(source: string, name: string | undefined): KubeconfigContext {
  const config = kubeconfig.safeParse(yamlOf(source));
  if (!config.success) throw unusable('is not one');
  const { contexts, clusters, users, 'current-context': current } = config.data;
  const wanted = name ?? current;
  if (!wanted) throw unusable('has no current context; name one in keyturn.yaml: context: NAME');

  const found = contextContent.safeParse(contexts?.find((one) => one.name === wanted)?.context);
  if (!found.success) throw unusable(name === undefined ? 'lacks its current context' : `has no context "${name}"`);
  const context = found.data;
  const to = cluster.safeParse(clusters?.find((one) => one.name === context.cluster)?.cluster);
  if (!to.success) throw unusable('lacks the cluster of the context, or a field of that is wrong');
  const asWhom = users?.find((one) => one.name === context.user)?.user ?? {};
  const as = user.safeParse(asWhom);
  if (!as.success) throw unusable(`has a user whose ${String(as.error.issues[0]?.path[0] ?? 'entry')} is wrong`);
  const odd = Object.keys(asWhom as object).find((field) => field in notDone);
  if (odd !== undefined) throw unusable(`asks for ${notDone[odd]}`);

  return {
    server: to.data.server,
    namespace: context.namespace ?? null,
    ca: pemOf(to.data['certificate-authority-data'], to.data['certificate-authority']),
    serverName: to.data['tls-server-name'] ?? null,
    skipsVerification: to.data['insecure-skip-tls-verify'] === true,
    proxy: to.data['proxy-url'] ?? null,
    token: tokenOf(as.data),
    clientCertificate: clientCertificateOf(as.data),
    exec: execOf(as.data.exec),
  };
}

function yamlOf(source: string): unknown {
  try {
    return parse(source);
  } catch {
    throw unusable('is not YAML'); // the parser's error quotes the lines around, which may be a key
  }
}

/** As kubectl has it: data counts more than a file. */
function pemOf(data: string | null | undefined, file: string | null | undefined): Pem | null {
  if (data) return { text: Buffer.from(data, 'base64').toString('utf8') };
  return file ? { file } : null;
}

/** As kubectl has it: a file counts more than a text, since that is the one that is renewed. */
function tokenOf({ token, tokenFile }: z.output<typeof user>): KubeconfigContext['token'] {
  if (tokenFile) return { file: tokenFile };
  return token ? { text: token } : null;
}

function clientCertificateOf(as: z.output<typeof user>): KubeconfigContext['clientCertificate'] {
  const certificate = pemOf(as['client-certificate-data'], as['client-certificate']);
  const key = pemOf(as['client-key-data'], as['client-key']);
  if ((certificate === null) !== (key === null))
    throw unusable('has a client certificate without its key, or a key alone');
  return certificate === null || key === null ? null : { certificate, key };
}

function execOf(plugin: z.output<typeof exec> | null | undefined): ExecPlugin | null {
  if (!plugin) return null;
  if (plugin.interactiveMode === 'Always') throw unusable('has an exec plugin that asks a person');
  return {
    apiVersion: plugin.apiVersion,
    command: plugin.command,
    args: plugin.args ?? [],
    env: Object.fromEntries((plugin.env ?? []).map(({ name, value }) => [name, value])),
    provideClusterInfo: plugin.provideClusterInfo === true,
  };
}
