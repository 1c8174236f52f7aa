import { isHeld, mayDo } from './access.ts';
import type { Answer } from './answers.ts';
import { openRequest } from './change-requests.ts';
import { creation, deletion, type Planned, update } from './changing.ts';
import { flag, type SecretCall, whereOf } from './request-fields.ts';
import { answered, hidden, shown } from './shown.ts';
import { asStored, type Identity, type StubSecret, type Where, type World } from './world.ts';

export function createSecret(world: World, call: SecretCall): Answer {
  const where = whereOf(call, 'CreateSecret');
  const planned = creation(world, where, call);
  const { secretValue = '', secretComment = '' } = call.fields;
  return done(world, where, planned, (secret) =>
    answered(secret, where, echo(call, where, { secretValue: asStored(String(secretValue)), secretComment })),
  );
}

export function patchSecret(world: World, call: SecretCall): Answer {
  const where = whereOf(call, 'UpdateSecret');
  const planned = update(world, where, call);
  const { secretValue, secretComment = '' } = call.fields;
  const value = secretValue === undefined ? '' : asStored(String(secretValue));
  return done(world, where, planned, (secret) =>
    answered(secret, where, echo(call, where, { secretValue: value, secretComment })),
  );
}

export function deleteSecret(world: World, call: SecretCall): Answer {
  const where = whereOf(call, 'DeleteSecret');
  return done(world, where, deletion(world, where, call), (secret) =>
    answered(secret, where, mayRead(call.identity, where, secret) ? {} : hidden),
  );
}

/** `POST`, `PATCH` and `DELETE` of `/batch`: all or nothing, and its answer is from the store. */
export function changeBatch(world: World, call: SecretCall, method: string): Answer {
  const where = whereOf(call, 'BatchSecrets');
  const { identity, fields } = call;
  const entries = (fields.secrets as Record<string, unknown>[] | undefined) ?? [];
  const changes = entries.map((entry) => ({ identity, name: String(entry.secretKey ?? '').trim(), fields: entry }));
  const planned = changes.flatMap((change): Planned[] => {
    if (method === 'POST') return [creation(world, where, change)];
    if (method === 'DELETE') return [deletion(world, where, change)];
    const isThere = [...world.folder(where.environment, where.path).secrets.keys()].includes(change.name);
    if (isThere || fields.mode === undefined || fields.mode === 'failOnNotFound') {
      return [update(world, where, change, true)];
    }
    return fields.mode === 'upsert' ? [creation(world, where, change)] : [];
  });
  if (isHeld(world, where)) return held(world, where, planned);
  const secrets = planned.map(({ commit }) => commit());
  world.changed();
  const answers = secrets.map((secret) => shown(secret, where, mayRead(identity, where, secret) ? {} : hidden));
  return { status: 200, body: { secrets: answers } };
}

function done(world: World, where: Where, planned: Planned, answer: (secret: StubSecret) => Answer): Answer {
  if (isHeld(world, where)) return held(world, where, [planned]);
  const secret = planned.commit();
  world.changed();
  return answer(secret);
}

function held(world: World, where: Where, planned: readonly Planned[]): Answer {
  const changes = planned.map((one) => one.held);
  return { status: 200, body: { approval: openRequest(world, where, changes) } };
}

/** The answer of a write says what was sent, not what is kept; metadata is absent (facts §3). */
function echo({ identity, name, fields }: SecretCall, where: Where, sent: Record<string, unknown>) {
  const mayShow = mayDo(identity, 'readValue', where, name) && flag(fields.viewSecretValue, true);
  return { ...sent, secretMetadata: undefined, ...(mayShow ? {} : hidden) };
}

function mayRead(identity: Identity, where: Where, { key }: StubSecret): boolean {
  return mayDo(identity, 'readValue', where, key);
}
