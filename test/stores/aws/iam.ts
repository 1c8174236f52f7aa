import { readFileSync } from 'node:fs';

/** Policies as IAM has them, as far as moto looks: it knows actions, and resources not yet. */
export type Actions = string[];

/** The actions of the copyable policy in a store's README. */
export function actionsInReadme(kind: string): Actions {
  const readme = readFileSync(new URL(`../../../stores/${kind}/README.md`, import.meta.url), 'utf8');
  const [, json = ''] = /```json\n(.*?)```/s.exec(readme) ?? [];
  const { Statement } = JSON.parse(json) as { Statement: { Action: string[] }[] };
  return Statement.flatMap(({ Action }) => Action);
}

/** IAM of moto. From `enforce` on, every request needs a right, ours too. */
export function iamOf(moto: string) {
  async function ask(parameters: Record<string, string>): Promise<string> {
    const answer = await fetch(moto, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization:
          'AWS4-HMAC-SHA256 Credential=setup/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0',
      },
      body: new URLSearchParams({ Version: '2010-05-08', ...parameters }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`moto's IAM answers ${answer.status}: ${text}`);
    return text;
  }

  return {
    /** A user with a key that may do just this. */
    async user(name: string, actions: Actions): Promise<{ id: string; key: string }> {
      await ask({ Action: 'CreateUser', UserName: name });
      const PolicyDocument = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
      });
      await ask({ Action: 'PutUserPolicy', UserName: name, PolicyName: 'least', PolicyDocument });
      const made = await ask({ Action: 'CreateAccessKey', UserName: name });
      const [, id = ''] = /<AccessKeyId>(.*?)</.exec(made) ?? [];
      const [, key = ''] = /<SecretAccessKey>(.*?)</.exec(made) ?? [];
      return { id, key };
    },
    async enforce(): Promise<void> {
      await fetch(`${moto}/moto-api/reset-auth`, { method: 'POST', body: '0' });
    },
  };
}
