import { type Named, partsOfArn } from '../aws/address.ts';

/**
 * What a policy calls a secret: its name, or its whole ARN. null: neither. AWS takes an ARN without its last six characters
 * too, and may then mean another secret whose name happens to end like that (facts §1.5): not taken here.
 */
export function secretNamed(text: string): Named | null {
  const parts = partsOfArn(text, 'secretsmanager');
  if (parts === null) {
    return /^[A-Za-z0-9/_+=.@-]{1,512}$/.test(text) ? { name: text, arn: null, region: null, account: null } : null;
  }
  const [, name] = /^secret:([A-Za-z0-9/_+=.@-]+)-[A-Za-z0-9]{6}$/.exec(parts.rest) ?? [];
  return name === undefined ? null : { name, arn: text, region: parts.region, account: parts.account };
}
