import { connect, type Keyturn } from '../../client/keyturn.ts';
import type { DevServer } from '../../engine/dev-server.ts';
import { Secret } from '../../secrets/secret.ts';
import { type LogLine, type Simulator, startSimulator } from '../../simulator/index.ts';
import { expectNoLeak } from './everywhere.ts';
import { type Machine, newMachine, startTemporal } from './machine.ts';
import { expectReplays } from './replays.ts';

/** Everything but the worker: Temporal, the simulator with a connection `main` to it, and a client. */
export type Stack = Machine & {
  temporal: DevServer;
  simulator: Simulator;
  /** Every request that the simulator has answered, oldest first. */
  requests: LogLine[];
  keyturn: Keyturn;
  /** Fails where a secret was left anywhere, or a history that cannot be replayed; `planted`: they were, on purpose. */
  close(left?: { planted: boolean }): Promise<void>;
};

/** `dynamicConfig`: further settings of the server. */
export async function startStack(temporalCli: string, dynamicConfig: Record<string, boolean> = {}): Promise<Stack> {
  const machine = await newMachine();
  const { paths, connections, keyring, secrets } = machine;
  const requests: LogLine[] = [];
  const [temporal, simulator] = await Promise.all([
    startTemporal(machine, temporalCli, { dynamicConfig }),
    startSimulator({
      stateFile: paths.simulatorStateFile,
      log: (line) => requests.push(line),
      issued: (secret) => secrets.push(secret),
    }),
  ]);
  secrets.push(simulator.managementKey);
  await connections.add('main', { managementKey: new Secret(simulator.managementKey), baseUrl: simulator.url });
  const keyturn = await connect({ env: {}, address: temporal.address, keyring });
  return {
    ...machine,
    env: { ...machine.env, TEMPORAL_ADDRESS: temporal.address },
    temporal,
    simulator,
    requests,
    keyturn,
    async close({ planted } = { planted: false }) {
      await keyturn.close();
      try {
        const searched = { ...machine, requests, at: { address: temporal.address } };
        if (!planted) {
          await expectNoLeak(searched);
          await expectReplays(searched);
        }
      } finally {
        await Promise.all([temporal.close(), simulator.close()]);
        await machine.remove();
      }
    },
  };
}
