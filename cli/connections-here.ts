import { keyturnPaths } from '../config/paths.ts';
import type { Connections } from '../connections/registry.ts';
import { openMachine } from '../machine/open-machine.ts';
import { quietDebugSwitches } from '../secrets/debug-switches.ts';

/** The connections of this machine: those of its vault, and those that keyturn.yaml declares. */
export async function connectionsHere(): Promise<Connections> {
  quietDebugSwitches();
  const { env } = process;
  const { connections } = await openMachine({ env, cwd: process.cwd(), paths: keyturnPaths(env) });
  return connections;
}
