import { type Named, partsOfArn } from '../aws/address.ts';

/** What a policy calls a parameter: its name, or its ARN. null: neither, or one that SSM keeps for AWS. */
export function parameterNamed(text: string): Named | null {
  const parts = partsOfArn(text, 'ssm');
  // `parameter/a/b` is /a/b, and `parameter/a` is a.
  const path = parts === null ? text : /^parameter(\/.+)$/.exec(parts.rest)?.[1]?.replace(/^\/([^/]+)$/, '$1');
  if (path === undefined || !isName(path)) return null;
  return {
    name: path,
    arn: parts === null ? null : text,
    region: parts?.region ?? null,
    account: parts?.account ?? null,
  };
}

/** Of `name:3` and `name:label` a version would be read: no name. */
function isName(name: string): boolean {
  return /^(\/?[\w.-]+|(\/[\w.-]+){2,15})$/.test(name) && name.length <= 1_011 && !/^\/?(aws|ssm)/i.test(name);
}
