import { z } from 'zod';
import { fieldWords } from '../../errors/field-words.ts';
import { type SecretReference, secretReference } from '../../secrets/secret-reference.ts';
import type { StorePromises } from '../promises.ts';

export type VaultAuth =
  | { token: SecretReference }
  | { appRole: { mount?: string | undefined; roleId: SecretReference; secretId: SecretReference } }
  | { kubernetes: { mount?: string | undefined; role: string; tokenFile?: string | undefined } };

/** A KV engine, version 2, of HashiCorp Vault or OpenBao, as keyturn.yaml declares it. */
export type DeclaredVault = {
  kind: 'vault';
  address: string;
  mount: string;
  namespace?: string | undefined;
  auth: VaultAuth;
  /** PEM of the authority that signed its certificate; a path. */
  caFile?: string | undefined;
};

export const vaultPromises: StorePromises = {
  readsBack: true,
  comparesAndSets: true,
  // A late write is refused where anything was written since; where an undo found nothing to undo, nothing was.
  fences: false,
  owns: false,
  versions: true,
  countsWrites: true,
  // Standbys of OpenBao answer reads, a little behind the active node (facts §3.6).
  readsLagMs: 3_000,
  readersFollow: { at: 'within', ms: 5 * 60_000 },
};

const addressWords = fieldWords('is not an address', 'https://HOST:8200, or http:// to this machine');
const mountWords = fieldWords('is not the path of a secrets engine', 'such as secret, without slashes at either end');
const namespaceWords = fieldWords('is not a namespace', 'such as team-a/ci');
const pathWords = fieldWords('is not a path to a file', 'one that begins with / or ./ or ../');
const roleWords = fieldWords('is not the name of a role', 'the role of the auth method');
const authWords = {
  error: 'is not a way to log in; { token }, { appRole: { roleId, secretId } } or { kubernetes: { role } }',
};

const slashless = /^[^/\s](?:[^\s]*[^/\s])?$/;
const mount = z.string(mountWords).regex(slashless, mountWords);

export const schema = z.strictObject({
  kind: z.literal('vault'),
  address: z
    .string(addressWords)
    .refine(isSafeAddress, addressWords)
    .transform((url) => url.replace(/\/+$/, '')),
  mount: mount.default('secret'),
  namespace: z.string(namespaceWords).regex(slashless, namespaceWords).optional(),
  auth: z.union(
    [
      z.strictObject({ token: secretReference }),
      z.strictObject({
        appRole: z.strictObject({ mount: mount.optional(), roleId: secretReference, secretId: secretReference }),
      }),
      z.strictObject({
        kubernetes: z.strictObject({
          mount: mount.optional(),
          role: z.string(roleWords).min(1, roleWords),
          tokenFile: z
            .string(pathWords)
            .regex(/^\.{0,2}\//, pathWords)
            .optional(),
        }),
      }),
    ],
    authWords,
  ),
  caFile: z
    .string(pathWords)
    .regex(/^\.{0,2}\//, pathWords)
    .optional(),
});

/** Its token goes there: in clear only where it does not leave the machine. */
function isSafeAddress(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.username || url.password || url.search || url.hash) return false;
  const onThisMachine = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && onThisMachine);
}
