import type { Secret } from '../../secrets/secret.ts';

/** How a cluster is reached and as whom: as it is configured at this moment. */
export type Cluster = {
  /** Scheme, host, port and path, without a slash at the end. */
  server: string;
  tls: {
    ca: string | null;
    serverName: string | null;
    verify: boolean;
    client: { certificate: string; key: Secret } | null;
  };
  proxy: string | null;
  bearer: Secret | null;
};

/** What needs no credentials. */
export type ClusterPlace = { server: string; verifies: boolean };

/**
 * Ways into a cluster: a kubeconfig, or what every pod finds.
 *
 * @throws KEYTURN_CREDENTIAL_UNREADABLE
 */
export type ClusterAccess = {
  place(): Promise<ClusterPlace>;
  /** Where a spot means that names none, and the store neither. */
  namespace(): Promise<string | null>;
  /** Read anew with each call: tokens are renewed on disk, and certificates replaced. */
  now(): Promise<Cluster>;
  /** The cluster did not accept what `now` gave: whatever was kept of it is had anew. */
  notAccepted(): void;
};

/** The same text for each way of writing one address. */
export function serverOf(text: string): URL | null {
  try {
    const url = new URL(text);
    return ['https:', 'http:'].includes(url.protocol) && url.username === '' && url.search === '' ? url : null;
  } catch {
    return null;
  }
}

export function asServer(url: URL): string {
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
