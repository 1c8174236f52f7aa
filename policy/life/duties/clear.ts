import { duty } from '../duty.ts';

/** A policy that is being deleted takes its secret out of its places, once no key is in its grace. */
export const clear = duty<null>({
  name: 'clear',
  items: ({ ending, retiring, undoing }, now) => {
    // What is put back after the clearing would stay.
    if (ending === null || ending.clearedAt !== null || undoing !== null) return [];
    const [at = now] = retiring.map(({ disableAt }) => disableAt).sort((a, b) => Date.parse(b) - Date.parse(a));
    return [{ at, because: 'the end of the grace, then the secret leaves the stores', of: '', what: null }];
  },
  carryOut: async (_, { policy: { name: policy, secret }, steps }) => {
    for (const store of secret.stores) await steps.removeSecret({ policy, store, secret: secret.name });
    return (state, now) => (state.ending === null ? state : { ...state, ending: { ...state.ending, clearedAt: now } });
  },
});
