import { createHash } from 'node:crypto';
import { refused } from '../aws/classify.ts';
import { madeByKeyturn } from '../aws/spot-text.ts';
import type { Waiting } from '../conditional-store.ts';
import { InDoubt, Moved, type Put, type Sending } from '../driver.ts';
import type { Secrets } from './api.ts';
import { isMarkedForDeletion, markedForDeletion, noneOfThatArn, type SecretSight, versionWith } from './sight.ts';

export type Versions = { store: string; secrets: Secrets; time: Waiting };

const mostBytes = 65_536;
/** How often, and how far apart, a doubtful answer is looked for. */
const tries = 4;
const againMs = 500;

/**
 * Makes `text` the current version over exactly the one that was seen: first a version that no reader sees, then AWSCURRENT
 * moved to it from the one that was seen, which AWS refuses if it is elsewhere by now.
 */
export async function makeCurrent(text: string, over: SecretSight, sending: Sending, versions: Versions): Promise<Put> {
  const { store, secrets } = versions;
  const { at, label, current } = over;
  const why = whyNot(text, over);
  if (why !== null) throw refused({ store, place: at.place }, why);
  const token = tokenOf(sending, over);
  if (over.described === null) {
    await secrets.create(at, { token, text, description: madeByKeyturn }, sending);
    return { version: token, approval: null };
  }
  if (versionWith(label, over.described) !== token) {
    await surely(
      () => secrets.stage(at, { token, text, label }, sending),
      async () => (await versionNow(label, over, versions)) === token,
      versions,
    );
  }
  if (current === null) {
    // The first version of a secret becomes AWSCURRENT at once, whatever is asked for (facts §1.2); a second one does not.
    if ((await versionNow('AWSCURRENT', over, versions)) !== token) throw new Moved();
  } else {
    await secrets.moveLabel(at, 'AWSCURRENT', { from: current, to: token }, sending);
  }
  return { version: token, approval: null };
}

export type Former = { version: string; previous: string | null; labelled: string | null };

/** Back to a former version, if AWSCURRENT is still where it was seen, with all labels where they were. */
export async function moveBack(over: SecretSight, to: Former, sending: Sending, versions: Versions): Promise<Put> {
  const { at, current: ours } = over;
  if (ours === null) throw new Moved();
  await surely(
    () => versions.secrets.moveLabel(at, 'AWSCURRENT', { from: ours, to: to.version }, sending),
    async () => (await versionNow('AWSCURRENT', over, versions)) === to.version,
    versions,
  );
  for (let attempt = 1; attempt <= tries; attempt++) {
    try {
      await putLabelsBack(over, ours, to, sending, versions);
      break;
    } catch {
      // The value is back, which is what counts: an error would be taken for a value that is not.
      await versions.time.wait(againMs);
    }
  }
  return { version: to.version, approval: null };
}

/**
 * AWS makes the withdrawn version AWSPREVIOUS, where the next one who wants to go back would find it (facts §1.4). A version
 * that had no label meanwhile AWS may have cleared away: then the label goes nowhere.
 */
async function putLabelsBack(
  { at, label }: SecretSight,
  ours: string,
  to: Former,
  sending: Sending,
  { secrets }: Versions,
): Promise<void> {
  const described = await secrets.describe(at);
  for (const [name, before] of [['AWSPREVIOUS', to.previous] as const, [label, to.labelled] as const]) {
    if (versionWith(name, described) !== ours) continue;
    try {
      await secrets.moveLabel(at, name, { from: ours, to: before }, sending);
    } catch (error) {
      if (!(error instanceof Moved) || before === null) throw error;
      await secrets.moveLabel(at, name, { from: ours, to: null }, sending);
    }
  }
}

function whyNot(text: string, { described, at }: SecretSight): string | null {
  if (described === null && at.id.startsWith('arn:')) return noneOfThatArn;
  if (isMarkedForDeletion(described)) return markedForDeletion;
  const bytes = Buffer.byteLength(text);
  return bytes > mostBytes ? `it would hold ${bytes} bytes, and AWS takes ${mostBytes}` : null;
}

/** The id of the version to be made: the same for each try over the same version, and of another one where that has moved. */
function tokenOf({ token }: Sending, { current }: SecretSight): string {
  return createHash('sha256')
    .update('keyturn version\0')
    .update(JSON.stringify([token, current]))
    .digest('hex');
}

async function versionNow(label: string, { at }: SecretSight, { secrets }: Versions): Promise<string | null> {
  return versionWith(label, await secrets.describe(at));
}

/** Sends once. Where the answer was lost, what it was to bring about is looked for. */
async function surely(send: () => Promise<void>, isDone: () => Promise<boolean>, { time }: Versions): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof InDoubt)) throw error;
    for (let attempt = 1; !(await isDone()); attempt++) {
      if (attempt === tries) throw error;
      await time.wait(againMs);
    }
  }
}
