import { connectTemporal, type Temporal } from '../../../client/temporal.ts';
import { connectOptions } from '../../with-keyturn.ts';

/** Runs `work` over a connection that is closed after it. */
export async function withTemporal<Result>(work: (temporal: Temporal) => Promise<Result>): Promise<Result> {
  const temporal = await connectTemporal(connectOptions());
  try {
    return await work(temporal);
  } finally {
    await temporal.connection.close();
  }
}
