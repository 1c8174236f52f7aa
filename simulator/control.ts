import type { Account } from './account.ts';
import type { SimulatedClock } from './clock.ts';
import {
  creditsSchema,
  type OutageInput,
  outageSchema,
  type SpendInput,
  spendSchema,
  type WorkspaceInput,
  workspaceSchema,
} from './control-input.ts';
import type { Injections } from './injections.ts';
import { digestOf, isSecret, mintSecret } from './key-secret.ts';
import { type Ledger, type LedgerKey, ledgerOf } from './ledger.ts';
import type { Outage } from './outage.ts';
import { changeSettings, type Settings, type SettingsPatch, settingsPatchSchema } from './settings.ts';
import { workspaceObject } from './workspace.ts';

/** What a control call refuses: something that does not exist, or makes no sense. */
export class ControlError extends Error {
  readonly status: 400 | 404;

  constructor(status: 400 | 404, message: string) {
    super(message);
    this.status = status;
  }
}

export type ManagementKeyView = { id: string; addedAt: string; revokedAt: string | null };

/** Everything a test may do to the simulator behind OpenRouter's back. The control endpoint offers the same. */
export type Control = ReturnType<typeof createControl>;

type ControlParts = {
  account: Account;
  clock: SimulatedClock;
  injections: Injections;
  outage: Outage;
  settings: Settings;
  save(): void;
};

export function createControl({ account, clock, injections, outage, settings, save }: ControlParts) {
  const { state } = account;

  function existingKey(hash: string) {
    const key = state.keys.find((each) => each.hash === hash && each.deletedAt === null);
    if (!key) throw new ControlError(404, `There is no key ${hash}, or it is deleted.`);
    return key;
  }

  return {
    injections,

    clock: {
      /** Milliseconds since the epoch on the simulator's clock. */
      now: () => clock.now(),
      advance: (ms: number) => changed(() => clock.advance(ms)),
      /** To an instant, ISO 8601 or milliseconds. */
      set: (at: string | number) => changed(() => clock.set(instant(at))),
      freeze: () => changed(() => clock.freeze()),
      run: () => changed(() => clock.run()),
    },

    outage: {
      start: (input: OutageInput = {}) => outage.start(outageSchema.parse(input)),
      end: () => outage.end(),
      active: () => outage.active(),
    },

    /** A copy of the settings as they are. */
    settings: (): Settings => structuredClone(settings),
    /** Changes the settings that are named, leaves the others. Not kept over a restart. */
    set(patch: SettingsPatch): void {
      changeSettings(settings, settingsPatchSchema.parse(patch));
    },

    managementKeys: {
      list: (): ManagementKeyView[] =>
        state.managementKeys.map(({ id, addedAt, revokedAt }) => ({ id, addedAt, revokedAt })),
      /** Accepts one more; without an argument a fresh one. A revoked one works again. */
      add(secret: string = mintSecret()): { id: string; managementKey: string } {
        if (!isSecret(secret)) throw new ControlError(400, 'A management key is sk-or-v1- and 64 hex digits.');
        const { id } = changed(() => account.addManagementKey(secret));
        return { id, managementKey: secret };
      },
      /** By id, or all of them. */
      revoke(id?: string): void {
        const meant = state.managementKeys.filter((key) => id === undefined || key.id === id);
        if (meant.length === 0) throw new ControlError(404, `There is no management key ${id}.`);
        changed(() => {
          for (const key of meant) key.revokedAt ??= clock.stamp();
        });
      },
    },

    workspaces: {
      list: () => state.workspaces.map(workspaceObject),
      /** Its id is what `workspace_id` takes. */
      add(input: WorkspaceInput) {
        const { name, slug = name.toLowerCase().replace(/\W+/g, '-'), monthlyBudget } = workspaceSchema.parse(input);
        return workspaceObject(changed(() => account.addWorkspace({ name, slug, monthlyBudget })));
      },
    },

    /** USD the account has bought; what is spent stays. */
    setCredits(bought: number): void {
      changed(() => {
        state.credits.bought = creditsSchema.parse({ bought }).bought;
      });
    },

    /** Keys as somebody else in the account could treat them. */
    keys: {
      disable(hash: string): void {
        changed(() => account.patchKey(existingKey(hash).hash, { disabled: true }));
      },
      enable(hash: string): void {
        changed(() => account.patchKey(existingKey(hash).hash, { disabled: false }));
      },
      delete(hash: string): void {
        changed(() => account.deleteKey(existingKey(hash).hash));
      },
      /** Adds a spend, counted at once. */
      spend(hash: string, input: SpendInput): void {
        const { credits, byok, at } = spendSchema.parse(input);
        const atMs = at === undefined ? clock.now() : Date.parse(at);
        changed(() => account.spend(existingKey(hash), { credits, byok }, atMs));
      },
    },

    ledger: (): Ledger => ledgerOf(account, clock),
    /** Keys that are not disabled, deleted or expired, whatever edges still believe. */
    liveKeys: (): LedgerKey[] => ledgerOf(account, clock).keys.filter(({ state: each }) => each === 'live'),

    /** Hash of the key a secret belongs to, deleted or not; null for any other text. In process only. */
    whoIs: (secret: string): string | null => account.keyOfDigest(digestOf(secret))?.hash ?? null,
  };

  function changed<T>(change: () => T): T {
    const result = change();
    save();
    return result;
  }
}

function instant(at: string | number): number {
  const ms = typeof at === 'number' ? at : Date.parse(at);
  if (Number.isNaN(ms)) throw new ControlError(400, `${at} is no instant.`);
  return ms;
}
