import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { AccountState } from './account.ts';
import type { ClockState } from './clock.ts';

export type SavedState = { account: AccountState; clock: ClockState };

/** Only the simulator writes this file; the check is for a wrong or truncated one, not for a hostile one. */
const savedSchema = z.object({
  keyturnSimulator: z.literal(1),
  account: z.looseObject({ keys: z.array(z.looseObject({})), posts: z.array(z.looseObject({})) }),
  clock: z.object({ offsetMs: z.number(), frozenAtMs: z.number().nullable() }),
});

/** Null where there is no file yet. Throws where there is one that is not the simulator's. */
export function loadState(file: string): SavedState | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { account, clock } = savedSchema.parse(JSON.parse(text));
    return { account: account as unknown as AccountState, clock };
  } catch {
    throw new Error(`${file} is not a state file of the simulator, or a damaged one. Delete it to start empty.`);
  }
}

/** Whole or not at all: a killed simulator leaves the state before or after a change, never half of it. */
export function saveState(file: string, state: SavedState): void {
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, JSON.stringify({ keyturnSimulator: 1, ...state }), { mode: 0o600 });
  renameSync(draft, file);
}
