import { type ConnectOptions, connectTemporal, type Temporal } from '../client/temporal.ts';
import { connectOptions } from './with-keyturn.ts';

/** Runs `work` over a connection that is closed after it. */
export async function withTemporal<Result>(
  options: Pick<ConnectOptions, 'keyring' | 'connectTimeoutMs'>,
  work: (temporal: Temporal) => Promise<Result>,
): Promise<Result> {
  const temporal = await connectTemporal({ ...connectOptions(), ...options });
  try {
    return await work(temporal);
  } finally {
    await temporal.connection.close();
  }
}
