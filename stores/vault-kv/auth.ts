import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fault, retryAfter } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import type { StoreContext } from '../kind.ts';
import type { VaultAuth } from './declaration.ts';
import type { VaultHttp } from './http.ts';

/** The token that requests carry: one for all of them, renewed while it is used. */
export type VaultLogin = {
  token(): Promise<Secret>;
  /** The token was refused: true where another one may be tried, false where this is all there is. */
  renewAfterRefusal(refused: Secret): Promise<boolean>;
};

type Held = { token: Secret; renewAtMs: number; endsAtMs: number; isRenewable: boolean };

const inClusterToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';
/** After a login that was refused: the credential is wrong until somebody has changed it. */
const refusedPauseMs = 30_000;

export function vaultLogin({
  http,
  auth,
  context,
}: {
  http: VaultHttp;
  auth: VaultAuth;
  context: StoreContext;
}): VaultLogin {
  if ('token' in auth) {
    const token = () => context.secret(auth.token);
    return { token, renewAfterRefusal: async (refused) => (await token()).reveal() !== refused.reveal() };
  }
  const { now } = context.time;
  let held: Held | null = null;
  let under: Promise<Held> | null = null;
  let refusedUntilMs = 0;

  /** One login at a time, however many ask. */
  function once(work: () => Promise<Held>): Promise<Held> {
    under ??= work()
      .then((fresh) => {
        held = fresh;
        return fresh;
      })
      .finally(() => {
        under = null;
      });
    return under;
  }

  async function login(): Promise<Held> {
    if (now() < refusedUntilMs) throw refused(refusedUntilMs - now());
    const { path, body } = await credentials(auth, context);
    const answer = await http({ method: 'POST', path, body });
    if (answer.status !== 200) {
      refusedUntilMs = now() + refusedPauseMs;
      throw refused(refusedPauseMs);
    }
    return heldFrom(answer.auth, now());
  }

  async function renewed(old: Held): Promise<Held> {
    const answer = await http({
      method: 'POST',
      path: 'auth/token/renew-self',
      token: old.token.reveal(),
      body: {},
    });
    return answer.status === 200 ? heldFrom(answer.auth, now()) : login();
  }

  const refused = (waitMs: number) =>
    retryAfter(fault('KEYTURN_CREDENTIAL_UNREADABLE', `store "${context.name}"`, 'its login is refused'), waitMs);

  return {
    async token() {
      if (held === null || now() >= held.endsAtMs) return (await once(login)).token;
      if (now() < held.renewAtMs) return held.token;
      const old = held;
      return (await once(() => (old.isRenewable ? renewed(old) : login()))).token;
    },
    async renewAfterRefusal(bad) {
      if (held?.token.reveal() === bad.reveal()) held = null;
      await once(login);
      return true;
    },
  };
}

async function credentials(auth: VaultAuth, { secret, folder }: StoreContext): Promise<{ path: string; body: object }> {
  if ('appRole' in auth) {
    const { mount = 'approle', roleId, secretId } = auth.appRole;
    const [role, id] = await Promise.all([secret(roleId), secret(secretId)]);
    return { path: `auth/${mount}/login`, body: { role_id: role.reveal(), secret_id: id.reveal() } };
  }
  if (!('kubernetes' in auth)) throw new Error('a token needs no login');
  const { mount = 'kubernetes', role, tokenFile = inClusterToken } = auth.kubernetes;
  // Renewed on disk by the kubelet.
  const jwt = new Secret((await readFile(resolve(folder, tokenFile), 'utf8')).trim());
  return { path: `auth/${mount}/login`, body: { role, jwt: jwt.reveal() } };
}

function heldFrom(auth: unknown, now: number): Held {
  const {
    client_token: token,
    lease_duration: seconds = 0,
    renewable = false,
  } = auth as {
    client_token: string;
    lease_duration?: number;
    renewable?: boolean;
  };
  // 0: it has no end.
  const lifeMs = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1_000;
  return {
    token: new Secret(token),
    isRenewable: renewable,
    renewAtMs: now + (lifeMs * 2) / 3,
    endsAtMs: now + lifeMs * 0.95,
  };
}
