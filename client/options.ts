export type RotateOptions = {
  /** Why, in a few words, 500 characters at most; it stands in history. */
  reason: string;
  /** The same id twice is one rotation, also after an hour. 100 characters at most. Default: a new one. */
  requestId?: string;
  /** End the grace of a former key at once where it stands in the way. Default false: wait for its end. */
  endGrace?: boolean;
};

export type ApplyOptions = {
  /** Make the first key although an earlier policy of this name left live keys in OpenRouter. Default false: refuse. */
  newKey?: boolean;
  /** What becomes of the secret in places that the policy names no longer. Default `leave`: readers may still need it. */
  removed?: 'leave' | 'clean';
};
