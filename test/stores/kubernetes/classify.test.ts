import { describe, expect, test } from 'vitest';
import { InDoubt, Moved } from '../../../stores/driver.ts';
import { type Asked, changeFailed, readingFailed, type Verb } from '../../../stores/kubernetes/classify.ts';
import type { NoReply, Reply } from '../../../stores/kubernetes/http.ts';

const auditId = '5f5de9f2-6a41-4a0c-9a43-3f4cf0a7d8c1';
const asked = (verb: Verb): Asked => {
  return { store: 'k8s', place: 'checkout, field KEY', verb, at: { namespace: 'shop', name: 'checkout' } };
};

/** As a cluster says no; its message is what must not be passed on. */
function refusal(status: number, reason: string, details: object = {}, more: Partial<Reply> = {}): Reply {
  const message = 'Secret in version "v1" cannot be handled: sk-or-v1-hidden illegal base64 c2stb3ItdjEtaGlkZGVu';
  return { status, json: { kind: 'Status', reason, message, details }, retryAfterMs: undefined, auditId, ...more };
}

const byProxy = (status: number): Reply => ({ status, json: undefined, retryAfterMs: undefined, auditId: null });
const silence = (code: string, neverSent: boolean): NoReply => ({ code, neverSent });

describe('a write that was answered with', () => {
  test.each<[string, Verb, Reply | NoReply, unknown]>([
    ['409 Conflict: it has changed', 'patch', refusal(409, 'Conflict'), Moved],
    ['409 AlreadyExists: somebody was faster', 'create', refusal(409, 'AlreadyExists'), Moved],
    ['404: it was deleted meanwhile', 'patch', refusal(404, 'NotFound', { kind: 'secrets' }), Moved],
    ['422 without causes: a test found something else', 'patch', refusal(422, 'Invalid'), Moved],
    ['500: it may have been done', 'patch', refusal(500, 'InternalError'), InDoubt],
    ['504: it may have been done', 'patch', refusal(504, 'Timeout'), InDoubt],
    ['404 of something in between: who knows', 'patch', byProxy(404), InDoubt],
    ['403 of something in between: who knows', 'patch', byProxy(403), InDoubt],
    ['an answer that broke off', 'create', byProxy(201), InDoubt],
    ['nothing in time', 'patch', silence('TIMEOUT', false), InDoubt],
    ['a broken connection', 'patch', silence('ECONNRESET', false), InDoubt],
  ])('%s', (_, verb, outcome, kind) => {
    expect(changeFailed(outcome, asked(verb))).toBeInstanceOf(kind);
  });

  test.each<[Verb, Reply | NoReply, string, string]>([
    ['create', refusal(404, 'NotFound', { kind: 'namespaces' }), 'KEYTURN_STORE_REFUSED', 'there is no namespace shop'],
    [
      'patch',
      refusal(403, 'Forbidden'),
      'KEYTURN_STORE_REFUSED',
      'the right to patch secrets/checkout in namespace shop',
    ],
    ['create', refusal(403, 'Forbidden'), 'KEYTURN_STORE_REFUSED', 'the right to create secrets in namespace shop'],
    [
      'create',
      refusal(403, 'Forbidden', { causes: [{ reason: 'NamespaceTerminating' }] }),
      'KEYTURN_STORE_REFUSED',
      'namespace shop is being deleted',
    ],
    [
      'patch',
      refusal(422, 'Invalid', { causes: [{ reason: 'FieldValueRequired', message: 'sk-or-v1-hidden' }] }),
      'KEYTURN_STORE_REFUSED',
      `FieldValueRequired (422 Invalid, audit id ${auditId})`,
    ],
    ['patch', refusal(413, 'RequestEntityTooLarge'), 'KEYTURN_STORE_REFUSED', 'too large (413)'],
    ['patch', refusal(401, 'Unauthorized'), 'KEYTURN_STORE_UNAVAILABLE', 'does not accept its credentials'],
    ['patch', byProxy(429), 'KEYTURN_STORE_UNAVAILABLE', 'it answered 429'],
    ['patch', silence('ECONNREFUSED', true), 'KEYTURN_STORE_UNAVAILABLE', 'no connection (ECONNREFUSED)'],
  ])('what certainly did not happen: %s', (verb, outcome, code, says) => {
    const told = changeFailed(outcome, asked(verb));
    expect(told).toMatchObject({ code, message: expect.stringContaining(says) });
  });

  test('429 waits as long as it is told to', () => {
    const told = changeFailed(refusal(429, 'TooManyRequests', {}, { retryAfterMs: 7_000 }), asked('patch'));
    expect(told).toMatchObject({ kind: 'transient', retryAfterMs: 7_000 });
  });
});

test.each([400, 401, 403, 404, 409, 413, 422, 429, 500, 503])('no word of a server is passed on: %i', (status) => {
  const reason = 'Invalid sk-or-v1-hidden';
  const causes = [{ reason: 'FieldValue sk-or-v1-hidden', message: 'sk-or-v1-hidden', field: 'sk-or-v1-hidden' }];
  const reply = refusal(status, reason, { causes, name: 'sk-or-v1-hidden' });
  for (const told of [changeFailed(reply, asked('patch')), readingFailed(reply, asked('get'))]) {
    expect(`${told} ${told.stack} ${JSON.stringify(told)} ${JSON.stringify(Object.entries(told))}`).not.toMatch(
      /hidden|aGlkZGVu|GlkZG/,
    );
  }
});
