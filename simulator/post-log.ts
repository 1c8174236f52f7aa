import { withoutSecrets } from './key-secret.ts';

/** One POST /keys that reached the simulator, whatever became of it. */
export type Post = {
  /** Counts from 1. */
  number: number;
  at: string;
  /** The name asked for; null where the body could not be read. */
  name: string | null;
  /** `created`: a key exists. `refused`: by the rules. `dropped`: by an injection, before anything. `pending`: not known yet. */
  outcome: 'pending' | 'created' | 'refused' | 'dropped';
  hash: string | null;
  /** What the caller was left with. `spoiled`: all bytes of an answer that is not the true one. */
  answer: 'pending' | 'delivered' | 'spoiled' | 'lost';
  /** Kind and place of the last injection it met: `reset after`. */
  injection: string | null;
};

export function openPost(posts: Post[], at: string, body: string): Post {
  const post: Post = {
    number: posts.length + 1,
    at,
    name: nameIn(body),
    outcome: 'pending',
    hash: null,
    answer: 'pending',
    injection: null,
  };
  posts.push(post);
  return post;
}

function nameIn(body: string): string | null {
  try {
    const { name } = JSON.parse(body) as { name?: unknown };
    return typeof name === 'string' ? withoutSecrets(name) : null;
  } catch {
    return null;
  }
}
