import { describe, expect, test } from 'vitest';
import { classify, isNeverSent, type Operation } from '../../openrouter/classify.ts';

const operations = [
  'createKey',
  'listKeys',
  'getKey',
  'patchKey',
  'deleteKey',
  'currentKey',
  'credits',
  'workspaces',
] satisfies Operation[];
const others = operations.filter((operation) => operation !== 'createKey');

const codeOf = (operation: Operation, outcome: Parameters<typeof classify>[0]['outcome']) =>
  classify({ operation, connection: 'main', hash: 'abc', outcome }).code;
const answered = (status: number, says?: string) => ({ status, says, retryAfterMs: undefined });
const broke = (code: string, syscall?: string) => ({ code, syscall });

describe('a create is refused only by an answer that proves it', () => {
  const everyStatus = Array.from({ length: 500 }, (_, n) => n + 100);

  test('every status without the envelope is ambiguous, but for the rate limit', () => {
    const notAmbiguous = everyStatus.filter(
      (status) => codeOf('createKey', answered(status)) !== 'KEYTURN_CREATE_AMBIGUOUS',
    );
    expect(notAmbiguous).toEqual([429]);
  });

  test('with the envelope, every 4xx but 408 is an answer', () => {
    const notAmbiguous = everyStatus.filter(
      (status) => codeOf('createKey', answered(status, 'no')) !== 'KEYTURN_CREATE_AMBIGUOUS',
    );
    expect(notAmbiguous).toEqual(everyStatus.filter((status) => status >= 400 && status < 500 && status !== 408));
  });
});

test('no other request is ever ambiguous: it can be sent again', () => {
  for (const operation of others) {
    for (const outcome of [answered(200), answered(302), answered(408), answered(500), broke('ECONNRESET', 'read')]) {
      expect(codeOf(operation, outcome)).toBe('KEYTURN_OPENROUTER_UNAVAILABLE');
    }
  }
});

test('a 401 blames the key that was used', () => {
  for (const operation of others) {
    expect(codeOf(operation, answered(401, 'User not found.'))).toBe(
      operation === 'currentKey' ? 'KEYTURN_KEY_NOT_ACCEPTED' : 'KEYTURN_CONNECTION_REFUSED',
    );
  }
});

test('an inference key on a management call is told apart from other 403s', () => {
  expect(codeOf('listKeys', answered(403, 'Only management keys can perform this operation'))).toBe(
    'KEYTURN_CONNECTION_NOT_MANAGEMENT',
  );
  expect(codeOf('listKeys', answered(403, "This API key's creator is no longer a member"))).toBe(
    'KEYTURN_OPENROUTER_REFUSED',
  );
});

test('a 503 that says when to come back is heard', () => {
  const outcome = { status: 503, says: undefined, retryAfterMs: 4_000 };
  expect(classify({ operation: 'getKey', connection: 'main', outcome })).toMatchObject({
    code: 'KEYTURN_OPENROUTER_UNAVAILABLE',
    retryAfterMs: 4_000,
  });
});

test.each([
  ['ECONNREFUSED', 'connect', true],
  ['ENOTFOUND', 'getaddrinfo', true],
  ['EAI_AGAIN', 'getaddrinfo', true],
  ['EHOSTUNREACH', 'connect', true],
  ['ETIMEDOUT', 'connect', true],
  ['UND_ERR_CONNECT_TIMEOUT', undefined, true],
  ['UND_ERR_CLOSED', undefined, true],
  ['CERT_HAS_EXPIRED', undefined, true],
  ['EHOSTUNREACH', 'read', false],
  ['ETIMEDOUT', 'read', false],
  ['EPIPE', 'write', false],
  ['ECONNRESET', 'read', false],
  ['ECONNRESET', undefined, false],
  ['ECONNREFUSED', undefined, false],
  ['UND_ERR_SOCKET', undefined, false],
  ['UND_ERR_DESTROYED', undefined, false],
  ['UND_ERR_HEADERS_TIMEOUT', undefined, false],
  ['TIMEOUT', undefined, false],
  ['UNKNOWN', undefined, false],
])('%s of %s proves that nothing was sent: %s', (code, syscall, proven) => {
  expect(isNeverSent({ code, syscall })).toBe(proven);
  expect(codeOf('createKey', { code, syscall })).toBe(
    proven ? 'KEYTURN_OPENROUTER_UNAVAILABLE' : 'KEYTURN_CREATE_AMBIGUOUS',
  );
});
