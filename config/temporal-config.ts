import { loadClientConnectConfig } from '@temporalio/envconfig';
import { fault } from '../errors/keyturn-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where Temporal is and how to reach it, as Temporal's own tools read it: environment variables and profiles, mTLS and
 * API keys included.
 *
 * @param env stands in for `process.env`, which is read where it is not given
 * @throws KEYTURN_TEMPORAL_CONFIG
 */
export function readTemporalConfig(env?: Environment) {
  try {
    return loadClientConnectConfig(env === undefined ? {} : { overrideEnvVars: definedOf(env) });
  } catch (error) {
    // The parser's own words quote the file, which may hold an API key.
    const { code } = error as NodeJS.ErrnoException;
    throw fault(
      'KEYTURN_TEMPORAL_CONFIG',
      code ? `a file it names cannot be read (${code})` : 'it cannot be understood',
    );
  }
}

function definedOf(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
