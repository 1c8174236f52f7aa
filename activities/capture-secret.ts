import type { Memento } from '../policy/life/state.ts';
import type { Tools } from './tools.ts';

export type CaptureSecretInput = { policy: string; store: string; secret: string };

/** What the store holds now, before anything is written: what `restoreSecret` puts back. */
export function captureSecret({ store }: Tools) {
  return async ({ policy, store: name, secret }: CaptureSecretInput): Promise<Memento> => {
    const ref = { policy, name: secret };
    await store(name).check(ref);
    return store(name).capture(ref);
  };
}
