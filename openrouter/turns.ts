/**
 * When a request of a connection may leave. The worker has Temporal keep the pace over all workers (worker/turns.ts); the
 * command line asks three things for a person who waits, and waits for nobody.
 */
export type Turns = {
  /**
   * Sends a request with the management key, once it may leave.
   * @throws KEYTURN_NOT_SENT it may not now
   */
  inTurn<Answer>(request: { method: string; path: string }, send: () => Promise<Answer>): Promise<Answer>;
  /**
   * Before a request with another key: it takes no turn, and keeps to a pause all the same.
   * @throws KEYTURN_NOT_SENT the connection pauses
   */
  unpaused(): Promise<void>;
  /** OpenRouter wants to be left alone for so long: no request of the connection leaves before. */
  pause(ms: number): Promise<void>;
};

export const noTurns: Turns = {
  inTurn: (_, send) => send(),
  unpaused: async () => {},
  pause: async () => {},
};
