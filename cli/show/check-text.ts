import type { ConnectionCheck } from '../../openrouter/check-connection.ts';

/** What a check of a connection found, for a person. */
export function checkText(check: ConnectionCheck): string {
  switch (check.state) {
    case 'fine': {
      const names = check.workspaces.map(({ name }) => name).join(', ');
      return `fine: credit left $${check.creditLeft.toFixed(2)}; workspaces: ${names || 'none'}`;
    }
    case 'not-a-key':
      return 'not a key: OpenRouter does not accept it (401); mistyped, revoked or expired';
    case 'not-a-management-key':
      return 'not a management key: it works, but only for inference';
    case 'rate-limited': {
      const wait =
        check.retryAfterMs === undefined ? '' : `; it asks to wait ${Math.ceil(check.retryAfterMs / 1000)} s`;
      return `rate limited: OpenRouter answers 429${wait}`;
    }
    case 'down':
      return `OpenRouter cannot be asked: ${check.why}`;
    case 'refused':
      return `OpenRouter refuses: ${check.why}`;
  }
}
