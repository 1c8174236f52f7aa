import type { PolicyState } from '../../policy/life/state.ts';
import type { Steps } from '../../workflows/saga/steps.ts';

export type Mutation = {
  steps?: (steps: Steps) => Steps;
  createAttempts?: number;
  /** What the loop keeps of the state, after each round. */
  state?: (state: PolicyState, before: PolicyState) => PolicyState;
  /** A run that is due is not asked for again. */
  neverConfirms?: boolean;
};

/** Sagas that are wrong on purpose: a world that does not notice them proves nothing. */
export const mutations: Record<string, Mutation> = {
  'create is not undone': {
    steps: (steps) => ({
      ...steps,
      reapKey: async (input) => (input.hash === null ? steps.reapKey(input) : { found: true }),
    }),
  },
  'the secret is stored before the key is verified': { steps: storedFirst },
  'POST is sent again': { createAttempts: 3 },
  'what is read back is not compared': { steps: (steps) => ({ ...steps, verifySecret: async () => 'matches' }) },
  'a place that lacks the key is said to have got it': {
    steps: (steps) => ({
      ...steps,
      storeSecret: async (input) => (input.brief ? { version: null, approval: null } : steps.storeSecret(input)),
      verifySecret: async (input) => (input.brief ? 'matches' : steps.verifySecret(input)),
    }),
  },
  'a run that is due is not asked for again': { neverConfirms: true },
  'a key stays blocked though a new one is published': {
    state: (state, before) => {
      const kept = before.owed.filter(
        ({ duty, of }) =>
          duty === 'disable' &&
          state.retiring.some(({ hash, disabledAt }) => hash === of && disabledAt === null) &&
          !state.owed.some((one) => one.of === of),
      );
      return kept.length === 0 ? state : { ...state, owed: [...state.owed, ...kept] };
    },
  },
};

/** Too rare for a seed to meet: a scripted world shows it (hazards.test.ts). */
export const undoesAtOnce: Mutation = {
  steps: (steps) => ({
    ...steps,
    captureSecret: async (input) => ({ ...(await steps.captureSecret(input)), lostWriteLifeMs: null }),
  }),
};

/** What the saga calls verifyKey does nothing yet; it is made up for when the secret is in the store. */
function storedFirst(steps: Steps): Steps {
  let verify: (() => Promise<unknown>) | null = null;
  return {
    ...steps,
    verifyKey: async (input) => {
      verify = () => steps.verifyKey(input);
      return { accepted: 0 };
    },
    storeSecret: async (input) => {
      const written = await steps.storeSecret(input);
      await verify?.();
      return written;
    },
  };
}
