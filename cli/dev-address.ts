import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyturnPaths } from '../config/paths.ts';

/** What a running `keyturn dev` leaves for the other terminals: where its Temporal is. */
type DevAddress = { address: string; pid: number };

function fileIn(dataDir: string): string {
  return join(dataDir, 'dev-address.json');
}

/** Answers what takes it back. */
export function announceAddress(dataDir: string, address: string): () => void {
  const announced: DevAddress = { address, pid: process.pid };
  writeFileSync(fileIn(dataDir), JSON.stringify(announced), { mode: 0o600 });
  return () => rmSync(fileIn(dataDir), { force: true });
}

/** Where the `keyturn dev` of this data folder has its Temporal; undefined while none runs. */
export function announcedAddress(dataDir: string): string | undefined {
  try {
    const { address, pid } = JSON.parse(readFileSync(fileIn(dataDir), 'utf8')) as Partial<DevAddress>;
    // A dev that was killed left its file behind.
    if (typeof address !== 'string' || typeof pid !== 'number' || !isRunning(pid)) return undefined;
    return address;
  } catch {
    return undefined;
  }
}

/** Where nothing of the environment says which Temporal is meant: the one of `keyturn dev`, for the SDK's own reading. */
export async function useAnnouncedAddress(): Promise<void> {
  const { loadClientConnectConfig } = await import('@temporalio/envconfig');
  const address = announcedAddress(keyturnPaths(process.env).dataDir);
  if (address === undefined || loadClientConnectConfig().connectionOptions.address !== undefined) return;
  process.env.TEMPORAL_ADDRESS = address;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
