import type { PutParameterCommandInput } from '@aws-sdk/client-ssm';
import { refused } from '../aws/classify.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import { madeByKeyturn } from '../aws/spot-text.ts';
import type { Waiting } from '../conditional-store.ts';
import { InDoubt, Moved, type Put, type Sending } from '../driver.ts';
import type { Parameters } from './api.ts';
import type { Found, ParameterSight } from './sight.ts';

export type Writing = { store: string; parameters: Parameters; declared: DeclaredAws; time: Waiting; lagMs: number };

const mostBytes = { Standard: 4_096, Advanced: 8_192 };
const tries = 4;
const againMs = 500;
/** How often what was overwritten unseen is put back, while others go on to write. */
const mostRepairs = 5;

/** @throws Moved others have written since `over` was seen; theirs is there, or is put back */
export async function writeText(text: string, over: ParameterSight, sending: Sending, writing: Writing): Promise<Put> {
  const { store, parameters } = writing;
  const why = whyNot(text, over);
  if (why !== null) throw refused({ store, place: over.at.place }, why);
  const number = await oneAtATime(over.at.name, parameters, async () => {
    await refuseMoved(over, parameters);
    if (over.found === null) return putSurely(text, newOne(writing.declared), over, 0, sending, writing);
    const number = await putSurely(text, over.found.kept, over, over.found.number, sending, writing);
    if (number !== over.found.number + 1) await putTheirsBack(number, over.found, over, sending, writing);
    return number;
  });
  await shown(number, over, writing);
  return { version: String(number), approval: null };
}

/** @throws Moved */
export async function deleteParameter(over: ParameterSight, sending: Sending, { parameters }: Writing): Promise<Put> {
  await oneAtATime(over.at.name, parameters, async () => {
    await refuseMoved(over, parameters);
    await parameters.destroy(over.at, sending);
  });
  return { version: null, approval: null };
}

/**
 * SSM keeps every version under a number: where ours is not the one after what was seen, the one before it is somebody
 * else's, and has been overwritten unseen. It is written again, and so is what that may overwrite in its turn.
 */
async function putTheirsBack(
  number: number,
  found: Found,
  over: ParameterSight,
  sending: Sending,
  { parameters }: Writing,
): Promise<void> {
  let [newest, seen] = [number, found.number];
  for (let repair = 1; repair <= mostRepairs; repair++) {
    if (newest <= seen) {
      // It was deleted meanwhile, and ours has begun a new one.
      await parameters.destroy(over.at, sending);
      throw new Moved();
    }
    const theirs = (await parameters.get(over.at, newest - 1))?.Value;
    if (theirs === undefined || (repair === 1 && theirs === found.text.reveal())) return;
    seen = newest;
    newest = await parameters.put(over.at, { ...found.kept, Value: theirs, Overwrite: true }, sending);
    if (newest === seen + 1) throw new Moved();
  }
  throw new Moved();
}

/**
 * Sends once, as nothing tells a write that is sent again from another one. Where the answer was lost, it is looked for.
 * A `base` of 0: there is to be none.
 */
async function putSurely(
  text: string,
  kept: Found['kept'],
  { at }: ParameterSight,
  base: number,
  sending: Sending,
  { parameters, time }: Writing,
): Promise<number> {
  const input: Omit<PutParameterCommandInput, 'Name'> = { ...kept, Value: text, Overwrite: base > 0 };
  try {
    return await parameters.put(at, input, sending);
  } catch (error) {
    if (!(error instanceof InDoubt)) throw error;
    for (let attempt = 1; attempt <= tries; attempt++) {
      const now = await parameters.get(at);
      if (now?.Value === text && (now.Version ?? 0) > base) return now.Version ?? 0;
      await time.wait(againMs);
    }
    throw error;
  }
}

/** An old value may be shown for seconds: who writes next must not see one. No error: it is written. */
async function shown(number: number, { at }: ParameterSight, { parameters, time, lagMs }: Writing): Promise<void> {
  for (const until = time.now() + lagMs; time.now() < until; await time.wait(againMs)) {
    if (((await parameters.get(at).catch(() => null))?.Version ?? 0) >= number) return;
  }
}

/** As near to a condition as it gets: looked at right before it is written. */
async function refuseMoved({ at, found }: ParameterSight, parameters: Parameters): Promise<void> {
  const now = await parameters.get(at);
  if ((now?.Version ?? 0) !== (found?.number ?? 0)) throw new Moved();
}

function newOne({ kmsKey }: DeclaredAws): Found['kept'] {
  const key = kmsKey === undefined ? {} : { KeyId: kmsKey };
  return { Type: 'SecureString', Tier: 'Standard', Description: madeByKeyturn, ...key };
}

function whyNot(text: string, { found }: ParameterSight): string | null {
  const tier = found?.kept.Tier === 'Advanced' ? 'Advanced' : 'Standard';
  const bytes = Buffer.byteLength(text);
  if (bytes > mostBytes[tier]) {
    return `it would hold ${bytes} bytes, and the tier ${tier} takes ${mostBytes[tier]}; a larger tier costs, and is yours to choose`;
  }
  return text.includes('{{') ? 'with it, it would hold "{{", which SSM takes for a reference' : null;
}

const queues = new Map<string, Promise<unknown>>();

/** One writer of a parameter at a time in this process. Two names of one parameter are rare, and only as bad as two processes. */
function oneAtATime<Result>(name: string, { aws }: Parameters, work: () => Promise<Result>): Promise<Result> {
  const done = aws.region().then((region) => {
    const key = `${region} ${name}`;
    const mine = (queues.get(key) ?? Promise.resolve()).then(work, work);
    queues.set(key, mine);
    const forget = () => {
      if (queues.get(key) === mine) queues.delete(key);
    };
    mine.then(forget, forget);
    return mine;
  });
  return done;
}
