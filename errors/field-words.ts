/**
 * The message of a check of one field, for zod: `<what is wrong>; <what is allowed>`. It shows no value: that could be a
 * pasted key.
 */
export function fieldWords(wrong: string, allowed: string): { error: (issue: { input?: unknown }) => string } {
  return {
    error: ({ input }) => {
      if (input === undefined) return `is missing; ${allowed}`;
      return input === null || input === '' ? `is empty; ${allowed}` : `${wrong}; ${allowed}`;
    },
  };
}
