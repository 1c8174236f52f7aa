import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endOfRotation, statusWhen } from '../../process/rotation.ts';
import { type Place, secretName, startPlace } from './keyturn-and-infisical.ts';
import { closeRequest, mergeRequest } from './stub/change-requests.ts';
import { startRotation } from './stub/rotations.ts';

const timeout = 180_000;
const otherSecret = 'SEARCH_KEY';

/** What a person sees of Infisical's hazards: in `status`, in the history, in the place. */
describe('a policy whose place is in Infisical', () => {
  let here: Place;
  beforeAll(async () => {
    here = await startPlace();
    await here.paste('keyturn apply --wait -f checkout.yaml');
    await here.paste(`sed 's/checkout/search/; s/${secretName}/${otherSecret}/' checkout.yaml > search.yaml`);
    await here.paste('keyturn apply --wait -f search.yaml');
  }, timeout);
  afterAll(() => here?.close());

  const holds = (name = secretName) => here.folder.secrets.get(name);
  const rotate = async (policy: string) => {
    const { rotationId } = await here.stack.keyturn.rotate(policy, { reason: 'a test', endGrace: true });
    return { ended: () => endOfRotation(here.stack.keyturn, policy, rotationId) };
  };
  const openRequest = () => [...here.infisical.world.requests.values()].find(({ status }) => status === 'open');

  /** Until `status` says that it waits for somebody, and where; the id of the request. */
  async function waitsForApproval(): Promise<string> {
    const { keyturn } = here.stack;
    await statusWhen(keyturn, 'checkout', () => openRequest() !== undefined);
    const id = String(openRequest()?.id);
    await statusWhen(keyturn, 'checkout', (status) => JSON.stringify(status).includes(`approval?requestId=${id}`));
    expect(await here.paste('keyturn status checkout')).toContain(`approval?requestId=${id}`);
    return id;
  }

  test('gets over a token that ends, a full minute, a replica that lags and a 500 after the commit', {
    timeout,
  }, async () => {
    const { infisical } = here;
    const { version = 0 } = holds() ?? {};
    infisical.world.settings.lagMs = 1_500;
    let reads = 0;
    infisical.meanwhile = ({ method, path }) => {
      if (method !== 'GET' || !path.includes('/secrets/')) return undefined;
      reads += 1;
      if (reads === 2) for (const token of infisical.world.tokens.values()) token.expiresAt = 0;
      const message = 'Rate limit exceeded. Please try again in 2 seconds';
      return reads === 3 ? { status: 429, body: { reqId: 'req-1', error: 'RateLimitExceeded', message } } : undefined;
    };
    infisical.next({ do: '500 after the commit' });
    expect(await (await rotate('checkout')).ended()).toMatchObject({ event: 'published' });
    infisical.meanwhile = null;
    infisical.world.settings.lagMs = 0;
    expect(holds()?.version).toBe(version + 1);
  });

  test('waits for approval, says where, and is published when it is merged', { timeout }, async () => {
    const before = holds()?.value;
    here.infisical.world.settings.approvals = true;
    const { ended } = await rotate('checkout');
    const id = await waitsForApproval();
    expect(holds()?.value).toBe(before);
    mergeRequest(here.infisical.world, id);
    expect(await ended()).toMatchObject({ event: 'published' });
    expect(holds()?.value).not.toBe(before);
    expect(here.infisical.world.requests.size).toBe(1);
  });

  test('is undone when somebody closes the request, and where a rotation of Infisical owns the secret', {
    timeout,
  }, async () => {
    here.infisical.world.settings.approvals = true;
    const before = structuredClone(holds());
    here.folder.secrets.delete(otherSecret);
    startRotation(here.infisical.world, here.folder, otherSecret, [
      'sk-or-v1-of-infisical-1',
      'sk-or-v1-of-infisical-2',
    ]);
    const closed = await rotate('checkout');
    const owned = await rotate('search');
    closeRequest(here.infisical.world, await waitsForApproval());

    expect(await closed.ended()).toMatchObject({ event: 'undone', fault: { code: 'KEYTURN_APPROVAL_REFUSED' } });
    expect(holds()).toEqual(before);
    const { event, fault } = await owned.ended();
    expect({ event, code: fault?.code }).toEqual({ event: 'undone', code: 'KEYTURN_STORE_REFUSED' });
    expect(fault?.message).toContain('docs/from-infisical.md');
    expect(holds(otherSecret)).toMatchObject({ value: 'sk-or-v1-of-infisical-2', version: 1 });
    expect((await here.keys()).filter(({ name }) => name.startsWith('keyturn:'))).toEqual([]);
  });
});
