import { connect, type Keyturn } from '../client/keyturn.ts';
import { keyturnPaths } from '../config/paths.ts';
import { announcedAddress } from './dev-address.ts';
import { note } from './print.ts';

const quietMs = 1_500;
const connectTimeoutMs = 10_000;

/** Where this command line finds Temporal: the environment or a profile, else the `keyturn dev` of this data folder. */
export function connectOptions() {
  const fallbackAddress = announcedAddress(keyturnPaths(process.env).dataDir);
  return { env: process.env, connectTimeoutMs, ...(fallbackAddress === undefined ? {} : { fallbackAddress }) };
}

/** Runs `work` over a connection that is closed after it. Who waits is told so. */
export async function withKeyturn<Result>(work: (keyturn: Keyturn) => Promise<Result>): Promise<Result> {
  const waiting = setTimeout(() => note(`Waiting for Temporal, up to ${connectTimeoutMs / 1000} s …`), quietMs);
  const keyturn = await connect(connectOptions()).finally(() => clearTimeout(waiting));
  try {
    return await work(keyturn);
  } finally {
    await keyturn.close();
  }
}
