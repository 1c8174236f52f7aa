import type { StoreContext } from '../kind.ts';
import type { DeclaredAws } from './declaration.ts';

/** A name as a policy may give it: plain, or out of an ARN, which says where it is as well. */
export type Named = { name: string; arn: string | null; region: string | null; account: string | null };

/** null: it is no ARN of this service. `rest`: what follows the account. */
export function partsOfArn(text: string, service: string): { region: string; account: string; rest: string } | null {
  const [, region, account, rest] =
    new RegExp(`^arn:aws[a-z-]*:${service}:([a-z0-9-]+):(\\d{12}):(.+)$`).exec(text) ?? [];
  return region === undefined || account === undefined || rest === undefined ? null : { region, account, rest };
}

/**
 * The address in the world, the same for a name and its ARN. Which account credentials lead to cannot be asked of these
 * services before there is something: it is part of the address only where keyturn.yaml names it.
 */
export function addressIn(service: string, region: string, name: string, { account, endpoint }: DeclaredAws): string {
  const at = endpoint === undefined ? '' : `@${new URL(endpoint).host}`;
  return `aws:${service}${at}:${region}:${account ?? ''}:${name}`;
}

/** Why a spot leads elsewhere than the store does; null: it does not. */
export function elsewhere({ region, account }: Named, ofStore: { region: string; account: string | undefined }) {
  if (region !== null && region !== ofStore.region) {
    return `its ARN is of region ${region}, and the store of ${ofStore.region}; declare a store for that region`;
  }
  if (account !== null && ofStore.account !== undefined && account !== ofStore.account) {
    return `its ARN is of account ${account}, and the store of ${ofStore.account}`;
  }
  return null;
}

/** Why what was found is not what was meant; null: it is. */
export function otherAccount(arn: string | undefined, service: string, expected: string | null | undefined) {
  const found = partsOfArn(arn ?? '', service)?.account;
  if (found === undefined || expected === null || expected === undefined || found === expected) return null;
  return `its credentials lead to account ${found}, and not to ${expected}`;
}

/** Settings of the environment that lead elsewhere, for `check` to show. */
export function endpointWarnings(declared: DeclaredAws, { env }: StoreContext, ofService: string): string[] {
  if (declared.endpoint !== undefined) return [];
  return [`AWS_ENDPOINT_URL_${ofService}`, 'AWS_ENDPOINT_URL']
    .filter((name) => env[name])
    .slice(0, 1)
    .map((name) => `${name} is set: requests go there and not to AWS.`);
}
