import type { Tools } from './tools.ts';

export type RemoveSecretInput = { policy: string; store: string; secret: string };

/** Takes the secret out of a store: its policy is being deleted, and no store may hold a disabled key (I2). */
export function removeSecret({ store }: Tools) {
  return async ({ policy, store: name, secret }: RemoveSecretInput): Promise<void> => {
    await store(name).remove({ policy, name: secret });
  };
}
