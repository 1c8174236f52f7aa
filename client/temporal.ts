import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { dataConverter } from '../codec/data-converter.ts';
import { readTemporalConfig } from '../config/temporal-config.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { openKeyringHere } from '../machine/keyring-here.ts';
import { taskQueue } from '../workflows/messages.ts';
import { temporalError } from './temporal-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type ConnectOptions = {
  /** Host and port of Temporal. Default: TEMPORAL_ADDRESS, or a profile's address. */
  address?: string;
  /** Where Temporal is looked for when neither `address` nor the environment names it. Default: 127.0.0.1:7233. */
  fallbackAddress?: string;
  /** Default: TEMPORAL_NAMESPACE, or a profile's, or `default`. */
  namespace?: string;
  /** Stands in for `process.env`, which Temporal's own configuration reads where this is not given. */
  env?: Environment;
  /**
   * What crosses to Temporal is encrypted with it. Default: KEYTURN_KEYRING, else where keyturn.yaml says that it
   * is kept, else the keyring file of this machine; it has to be the one that the workers use.
   */
  keyring?: Keyring;
  /** The task queue that the workers poll. Default: `keyturn`. */
  taskQueue?: string;
  /** How long to wait for Temporal to answer at all. Default 10,000: a server that is just starting needs a few seconds. */
  connectTimeoutMs?: number;
  /**
   * How long to wait for a worker to answer. Default 15,000: for 10 s after a worker died, Temporal still hands its
   * policies' questions to it before another one gets them.
   */
  answerTimeoutMs?: number;
};

/** A connection to Temporal with what every request over it needs. */
export type Temporal = {
  client: Client;
  connection: Connection;
  address: string;
  namespace: string;
  taskQueue: string;
  answerTimeoutMs: number;
};

const largestAnswer = 128 * 1024 * 1024;

const usualAddress = '127.0.0.1:7233';

/**
 * Connects as Temporal's own tools do: environment variables and profiles (`@temporalio/envconfig`), mTLS and API keys
 * included.
 *
 * @throws KEYTURN_TEMPORAL_CONFIG, KEYTURN_TEMPORAL_UNREACHABLE, KEYTURN_TEMPORAL_REFUSED
 */
export async function connectTemporal(options: ConnectOptions = {}): Promise<Temporal> {
  const { connectTimeoutMs = 10_000, answerTimeoutMs = 15_000 } = options;
  const config = readTemporalConfig(options.env);
  const address = options.address ?? config.connectionOptions.address ?? options.fallbackAddress ?? usualAddress;
  const namespace = options.namespace ?? config.namespace ?? 'default';
  const connection = Connection.lazy({
    ...(config.connectionOptions as ConnectionOptions),
    address,
    connectTimeout: connectTimeoutMs,
    // What the SDK itself sets lacks the prefix, and gRPC's 4 MB remain: a run with a few large messages is more.
    channelArgs: { 'grpc.max_receive_message_length': largestAnswer },
  });
  try {
    await connection.ensureConnected();
  } catch (error) {
    await connection.close();
    throw temporalError(error, { address, namespace, waitedMs: connectTimeoutMs });
  }
  const keyring = options.keyring ?? (await openKeyringHere(options.env ?? process.env));
  // A policy that is gone must not answer from its history.
  const client = new Client({
    connection,
    namespace,
    dataConverter: dataConverter(keyring, namespace),
    workflow: { queryRejectCondition: 'NOT_OPEN' },
  });
  return { client, connection, address, namespace, taskQueue: options.taskQueue ?? taskQueue, answerTimeoutMs };
}
