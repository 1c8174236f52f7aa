import type { Failed } from './answer.ts';
import { type Asked, classify, isNotAccepted, isNotAllowed, isTooMuch } from './classify.ts';
import type { Aws, Send } from './client.ts';

/** `granted` with no `answer`: it would be allowed, and was refused for what was in it. */
export type Probed<Answer> = { granted: true; answer: Answer | null; refusedAs: string | null } | { granted: false };

/**
 * Whether a request is allowed, by sending it. AWS looks at rights first: a refusal for anything else says that they are
 * there. What would change something has to be refused for what is in it.
 *
 * @throws KEYTURN_STORE_UNAVAILABLE it cannot be told now
 */
export async function probe<Client, Answer>(
  aws: Aws<Client>,
  asked: Asked,
  send: Send<Client, Answer>,
): Promise<Probed<Answer>> {
  const outcome = await aws.attempt(send);
  if ('answer' in outcome) return { granted: true, answer: outcome.answer, refusedAs: null };
  const { failed } = outcome;
  if (isNotAllowed(failed)) return { granted: false };
  if (tells(failed)) return { granted: true, answer: null, refusedAs: failed.name };
  throw classify(failed, asked, { changes: false, particular: {} });
}

function tells(failed: Failed): boolean {
  return failed.isRefusal && !isNotAccepted(failed) && !isTooMuch(failed);
}
