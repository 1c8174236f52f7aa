import { isIP } from 'node:net';
import { z } from 'zod';
import { liveSettings, type StepSettings, simulatorSettings } from '../activities/tools.ts';
import { defaultRequestsPerSecond } from '../config/declared-connection.ts';
import { checkedEnvironment } from '../config/environment.ts';
import { fault } from '../errors/keyturn-error.ts';
import type { VersioningSetting } from './versioning.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type WorkerConfig = {
  logLevel: string;
  health: { host: string; port: number };
  /** Where Prometheus finds the SDK's metrics, `host:port`; null: they are not collected. */
  metricsAddress: string | null;
  settings: StepSettings;
  /** Requests a second over a connection that sets none. */
  perSecond: number;
  versioning: VersioningSetting;
  /** null: from the memory there is (capacity.ts). */
  maxCachedPolicies: number | null;
};

const variables = z.object({
  /** Default info: each rotation and each retry, nothing for a policy that sleeps. */
  KEYTURN_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  /** Default 127.0.0.1: the answers are for this machine's supervisor; containers set 0.0.0.0. */
  KEYTURN_HEALTH_HOST: z.string().default('127.0.0.1'),
  /** Default 8090; 0 takes a free port. */
  KEYTURN_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(8090),
  /** On KEYTURN_HEALTH_HOST, which then is an IP address. Default none: who does not collect metrics does not pay for them. */
  KEYTURN_METRICS_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  /** `live` waits as OpenRouter's edges need it; `simulator` is for watching. Default live. */
  KEYTURN_PACE: z.enum(['live', 'simulator']).default('live'),
  /** Default auto: where this Temporal has worker versioning, policies keep to the build they began on. */
  KEYTURN_VERSIONING: z.enum(['auto', 'single', 'off']).default('auto'),
  /** Policies that are kept in memory while they sleep. Default: as many as the process's memory holds (capacity.ts). */
  KEYTURN_MAX_CACHED_POLICIES: z.coerce.number().int().min(1).max(100_000).optional(),
});

/** @throws KEYTURN_USAGE names the variable and what is allowed */
export function workerConfig(env: Environment): WorkerConfig {
  const given = checkedEnvironment(variables, env);
  const { KEYTURN_LOG_LEVEL, KEYTURN_HEALTH_HOST, KEYTURN_HEALTH_PORT, KEYTURN_METRICS_PORT } = given;
  const { KEYTURN_PACE, KEYTURN_VERSIONING, KEYTURN_MAX_CACHED_POLICIES } = given;
  const live = KEYTURN_PACE === 'live';
  return {
    logLevel: KEYTURN_LOG_LEVEL,
    health: { host: KEYTURN_HEALTH_HOST, port: KEYTURN_HEALTH_PORT },
    metricsAddress:
      KEYTURN_METRICS_PORT === undefined ? null : socketAddress(KEYTURN_HEALTH_HOST, KEYTURN_METRICS_PORT),
    settings: live ? liveSettings : simulatorSettings,
    perSecond: live ? defaultRequestsPerSecond : Number.POSITIVE_INFINITY,
    versioning: KEYTURN_VERSIONING,
    maxCachedPolicies: KEYTURN_MAX_CACHED_POLICIES ?? null,
  };
}

/** As Temporal's core takes it: no names. */
function socketAddress(host: string, port: number): string {
  const family = isIP(host);
  if (family === 0) {
    throw fault(
      'KEYTURN_USAGE',
      `With KEYTURN_METRICS_PORT, KEYTURN_HEALTH_HOST has to be an IP address, not "${host}".`,
    );
  }
  return family === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
