import type { Policy } from '../../policy/declared/policy.ts';
import { withdrawnKeys } from '../../policy/life/retiring.ts';
import type { PolicyState, RotationReason, RotationRecord } from '../../policy/life/state.ts';
import { type Run, runOn } from '../../policy/time/schedule.ts';
import type { Author, OpenRouter, UpstreamWatcher, WorldKey } from './openrouter.ts';
import { Readers } from './readers.ts';
import type { MemoryStore, StoreWatcher } from './store.ts';

type Eyes = {
  now: () => number;
  openrouter: () => OpenRouter;
  stores: () => readonly MemoryStore[];
  secretName: string;
  state: () => PolicyState;
  /** What the time zone rules of the day make of a run. */
  byTheRules: (run: Run) => Run;
  /** How long a stopped key may still be accepted. */
  lingerMs: number;
};

/** Who changed a store last, and when. What it holds, the store itself says. */
type Change = { at: number; byStranger: boolean };

/**
 * Longest life of a key that nobody waits for (I3): it may arrive just after a look, and the last one is a day after
 * the rotation. An outage or a dead worker puts that one off, by half a day at most in this world.
 */
const longestStrayMs = 36 * 3_600_000;

/** Until a policy first looks again for a key whose answer was lost (policy/life/strays.ts): what arrives later is late. */
const inTimeMs = 10 * 60_000;

const most = 5;

/** Watches one policy's world and notes every broken promise (design §7), at the moment it breaks. */
export class Invariants {
  readonly broken: string[] = [];
  secondsWithoutValidKey = 0;
  /** Of those that arrived in time; and of those that did not. */
  mostLiveKeys = 0;
  mostLateKeys = 0;
  readonly #eyes: Eyes;
  readonly #readers: Readers;
  readonly #changes = new Map<string, Change>();
  readonly #publishedHashes = new Set<string>();
  readonly #answered = new Set<string>();
  readonly #writtenBy = new Map<string, string>();
  readonly #recorded = new Set<string>();
  readonly #begun = new Set<string>();
  /** The dates whose scheduled rotation was published. */
  readonly #dates = new Set<string>();
  readonly #markers = new Set<string>();
  readonly #stoppedByStranger = new Map<string, number>();
  #published = false;
  #tampered = false;
  #emptying = false;
  #invalidSince: number | null = null;

  constructor(eyes: Eyes) {
    this.#eyes = eyes;
    this.#readers = new Readers(eyes.now);
  }

  readonly upstream: UpstreamWatcher = {
    created: (key) => this.#count(key),
    stopping: (key, author) => this.#mayStop(key, author),
    stopped: (key) => {
      this.#ageOf(key);
      this.look();
    },
  };

  readonly storeChanged: StoreWatcher = ({ store, value, by }) => {
    this.#changes.set(store, { at: this.#eyes.now(), byStranger: by === 'a stranger' });
    const isRequired = this.#required().some(({ name }) => name === store);
    // How long an optional place is waited for, the policy says.
    if (isRequired) this.#readers.storeShows(store, value, by === 'removal');
    if (by === 'removal') this.#emptying = true;
    const { secretName } = this.#eyes;
    if (value !== null && by !== 'a stranger' && !by.startsWith('undo of ')) {
      const known = this.#writtenBy.get(by);
      if (known !== undefined && known !== value) this.#break(`I4: rotation ${by} wrote two keys to ${secretName}`);
      this.#writtenBy.set(by, value);
    }
    this.look();
  };

  /** The saga has called its first step after publishing. */
  published(hash: string): void {
    // The name of a key that was published is given later, where that failed.
    if (this.#publishedHashes.has(hash)) return;
    for (const store of this.#required()) {
      const shown = this.#eyes.openrouter().keyOf(store.valueOf(this.#eyes.secretName) ?? '');
      const change = this.#changes.get(store.name);
      if (shown?.hash !== hash && change?.byStranger !== true)
        this.#break(`store ${store.name} does not hold what was published`);
    }
    this.#published = true;
    this.#tampered = false;
    this.#publishedHashes.add(hash);
    this.look();
  }

  /** The saga knows the key. */
  answered(hash: string): void {
    this.#answered.add(hash);
    const known = this.#eyes
      .openrouter()
      .live()
      .filter((key) => this.#answered.has(key.hash)).length;
    // A withdrawn one in its grace is a third.
    if (known > 2 + withdrawnKeys(this.#eyes.state()).length && !this.#tampered)
      this.#break(`I3: ${known} live keys that Keyturn knows of`);
  }

  /** A policy lives on from before the world began, with keys that were published then. */
  knows({ current, retiring }: PolicyState): void {
    for (const { hash, withdrawn } of retiring) {
      this.#answered.add(hash);
      if (!withdrawn) this.#publishedHashes.add(hash);
    }
    if (current === null) return;
    this.#answered.add(current.hash);
    this.published(current.hash);
  }

  begun(rotationId: string, reason: RotationReason, state: PolicyState): void {
    if (this.#begun.has(rotationId)) this.#break(`I4: rotation ${rotationId} began twice`);
    this.#begun.add(rotationId);
    if (reason.kind !== 'scheduled') return;
    const run = state.policy === null ? null : this.#eyes.byTheRules(runOn(state.policy.schedule, reason.date));
    if (run !== null && Date.parse(run.utc) > this.#eyes.now()) this.#break(`the run for ${reason.date} began early`);
    if (state.paused !== null) this.#break('a scheduled rotation began while the policy is paused');
    if (state.policy?.autoRotate === false) this.#break('a scheduled rotation began though autoRotate is off');
    if (this.#dates.has(reason.date)) this.#break(`the rotation for ${reason.date} was published, and began once more`);
  }

  ended(record: RotationRecord): void {
    this.#recorded.add(record.rotationId);
    const { retiring, owed, lastRotations } = this.#eyes.state();
    if (lastRotations[record.event]?.rotationId !== record.rotationId)
      this.#break('I7: the last rotation is forgotten');
    if (record.event === 'published' && owed.some(({ of }) => retiring.some(({ hash }) => hash === of))) {
      this.#break('a key stays blocked by what a new one has cured');
    }
    if (record.event === 'published' && record.reason.kind === 'scheduled') this.#dates.add(record.reason.date);
  }

  /** The policy as it is declared from now on. */
  declared({ graceMs }: Policy): void {
    this.#readers.graceIs(graceMs);
  }

  /** Somebody other than Keyturn disabled, deleted or overwrote something: I1 is theirs until the next publish. */
  tampered(): void {
    this.#tampered = true;
    this.look();
  }

  /** At some time, since the last publish. */
  get wasTampered(): boolean {
    return this.#tampered;
  }

  /** A defect, or a promise that only the end of the story can show. */
  report(what: string): void {
    this.#break(what);
  }

  /** I1, at this moment: called after every change of a store or of OpenRouter, and whenever time has passed. */
  look(): void {
    const since = this.#invalidSince;
    const why = this.#whyInvalid();
    if (why !== null && since === null) {
      this.#invalidSince = this.#eyes.now();
      this.#break(`I1: ${why}`);
    }
    if (why === null && since !== null) {
      this.#invalidSince = null;
      this.secondsWithoutValidKey += (this.#eyes.now() - since) / 1000;
    }
  }

  /** At the end of the story. */
  close(): void {
    this.look();
    if (this.#invalidSince !== null) this.secondsWithoutValidKey += (this.#eyes.now() - this.#invalidSince) / 1000;
    for (const id of this.#begun) {
      if (!this.#recorded.has(id)) this.#break(`I7: rotation ${id} began and left no record`);
    }
  }

  #whyInvalid(): string | null {
    if (!this.#published || this.#tampered || this.#emptying) return null;
    const openrouter = this.#eyes.openrouter();
    for (const store of this.#required()) {
      const value = store.valueOf(this.#eyes.secretName);
      if (value === null) return `store ${store.name} holds nothing`;
      const key = openrouter.keyOf(value);
      if (key === undefined || !openrouter.works(key)) return `store ${store.name} holds a key that does not work`;
    }
    return null;
  }

  #mayStop(key: WorldKey, author: Author): void {
    if (author.by === 'outside') this.#stoppedByStranger.set(key.hash, this.#eyes.now());
    if (key.isBystander) this.#break(`a key of somebody else is stopped: ${key.name}`);
    if (author.by === 'outside' || key.disabledAt !== null) return;
    const harm = this.#readers.harmedBy(key, author);
    // Somebody has asked for it, or for the end of everything.
    const { pending, ending } = this.#eyes.state();
    const isAsked = pending?.endGrace === true || ending?.mode === 'destroy' || this.#tampered;
    if (harm !== null && !isAsked) this.#break(`I9: a key stops while a reader may hold it: ${harm}`);
    for (const store of this.#eyes.stores()) {
      if (store.valueOf(this.#eyes.secretName) !== key.secret) continue;
      if (!store.isRequired) {
        if (!isAsked && this.#holdsBack(key)) this.#break(`a key is stopped too soon for the optional ${store.name}`);
        continue;
      }
      // What a stranger puts into a store after a step began, that step cannot know.
      const change = this.#changes.get(store.name);
      const unknowable = change?.byStranger === true && (store.isWriteOnly || change.at >= author.sees);
      if (!unknowable) this.#break(`I2: a key is stopped while store ${store.name} holds it`);
    }
    if (!this.#publishedHashes.has(key.hash) || this.#emptying) return;
    const openrouter = this.#eyes.openrouter();
    // Nor can it know that a stranger stopped the new key after it began, or while edges still accept that one.
    const unknowable = [...this.#stoppedByStranger.values()].some((at) => at >= author.since - this.#eyes.lingerMs);
    const others = openrouter
      .live()
      .some((other) => other !== key && this.#publishedHashes.has(other.hash) && openrouter.works(other));
    if (openrouter.works(key) && !others && !unknowable) this.#break('I2: the last known good key is stopped');
  }

  #required(): MemoryStore[] {
    return this.#eyes.stores().filter(({ isRequired }) => isRequired);
  }

  /** An optional place keeps a key that it still holds from being revoked, for as long as the policy says. */
  #holdsBack(key: WorldKey): boolean {
    const { policy, current, retiring } = this.#eyes.state();
    const former = retiring.find(({ hash }) => hash === key.hash);
    if (policy === null || current === null || former === undefined || former.withdrawn) return false;
    const since = this.#eyes.now() - Date.parse(current.publishedAt);
    return since < policy.secret.optionalWaitMs;
  }

  /**
   * I3: a marker makes one key, and three live ones are the most. A key may arrive hours after it was asked for, when
   * nobody reckons with it any more: such a one is counted apart, and lives until the next look (`ageOf`).
   */
  #count(key: WorldKey): void {
    if (this.#markers.has(key.settings.name)) this.#break(`I3: marker ${key.settings.name} made a second key`);
    this.#markers.add(key.settings.name);
    const live = this.#eyes.openrouter().live();
    const inTime = live.filter(({ createdAt, askedAt }) => createdAt - askedAt <= inTimeMs).length;
    // A stranger who puts old keys back into stores keeps as many alive.
    if (!this.#tampered) this.mostLiveKeys = Math.max(this.mostLiveKeys, inTime);
    this.mostLateKeys = Math.max(this.mostLateKeys, live.length - inTime);
    if (inTime > 3 && !this.#tampered) this.#break(`I3: ${inTime} live keys`);
  }

  #ageOf(key: WorldKey): void {
    const ageMs = this.#eyes.now() - key.createdAt;
    if (this.#answered.has(key.hash) || ageMs <= longestStrayMs) return;
    this.#break(`I3: a key that nobody waits for lived for ${Math.round(ageMs / 3_600_000)} h`);
  }

  #break(what: string): void {
    if (this.broken.length < most) this.broken.push(`${new Date(this.#eyes.now()).toISOString()} ${what}`);
  }
}
