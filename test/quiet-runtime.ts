import { DefaultLogger, Runtime } from '@temporalio/worker';

// Imported by tests that run a worker in their own process: a worker's coming and going is not a result.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
});
