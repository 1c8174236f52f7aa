import type { Waiting } from '../conditional-store.ts';
import { Moved, type Sending } from '../driver.ts';
import type { Asked } from './classify.ts';
import { promises } from './declaration.ts';
import type { Found } from './secret-answer.ts';
import type { SecretsApi } from './secrets-api.ts';
import { shown } from './shown.ts';

type Overwriting = {
  name: string;
  ours: string;
  /** What the write has become. */
  sent: { id: string; version: number };
  /** What it was to go over. */
  over: Found;
  asked: Asked;
  sending: Sending;
};

const againMs = 1_000;

/**
 * A write has not become the next version of what was seen: somebody has written in the moment between. Where that was
 * another value, it is theirs to stay, and is put back.
 *
 * @throws Moved theirs stands again
 */
export async function giveBack(overwriting: Overwriting, tools: { api: SecretsApi; time: Waiting }): Promise<void> {
  const { name, ours, sent, over, asked, sending } = overwriting;
  const theirs = await versionBefore(overwriting, tools);
  // Comments and tags raise the number, too. Where servers show no former version, nothing can be given back.
  if (theirs === null || theirs.value === ours || theirs.value === over.value) return;
  const now = await tools.api.get(name, asked);
  const isOvertaken = now !== null && now.id === sent.id && now.version > sent.version;
  if (!isOvertaken) await tools.api.update(name, theirs.value, asked, sending);
  // A replica that still shows ours would make it look written.
  await shown(name, (found) => found === null || found.id !== sent.id || found.version > sent.version, asked, tools);
  throw new Moved();
}

/** Replicas may not know of it yet. Servers before mid-2025 ignore the number and show the newest (facts §6). */
async function versionBefore(
  { name, sent, asked }: Overwriting,
  { api, time }: { api: SecretsApi; time: Waiting },
): Promise<Found | null> {
  const number = sent.version - 1;
  if (number < 1) return null;
  for (const until = time.now() + promises.readsLagMs; ; await time.wait(againMs)) {
    const found = await api.get(name, asked, number);
    if (found?.version === number) return found;
    if (time.now() >= until) return null;
  }
}
