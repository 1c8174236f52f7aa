import type { Waiting } from '../conditional-store.ts';
import type { Asked } from './classify.ts';
import { promises } from './declaration.ts';
import type { Found } from './secret-answer.ts';
import type { SecretsApi } from './secrets-api.ts';

const againMs = 500;

/**
 * Waits until replicas show a change that was made: who looks next would take the old value for what is there, and write
 * once more. No error where they do not: it is written.
 */
export async function shown(
  name: string,
  isShown: (found: Found | null) => boolean,
  asked: Asked,
  { api, time }: { api: SecretsApi; time: Waiting },
): Promise<void> {
  for (const until = time.now() + promises.readsLagMs; time.now() < until; await time.wait(againMs)) {
    try {
      if (isShown(await api.get(name, asked))) return;
    } catch {
      return;
    }
  }
}
