import { randomUUID } from 'node:crypto';
import {
  DescribeSecretCommand,
  type DescribeSecretResponse,
  GetSecretValueCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { endpointWarnings } from '../aws/address.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import { probe } from '../aws/probe.ts';
import { madeByKeyturn, notThere, wholeWarnings, whyNotIn } from '../aws/spot-text.ts';
import type { StoreContext } from '../kind.ts';
import type { Right, Spot, StoreCheck } from '../store.ts';
import type { Secrets } from './api.ts';
import {
  bytesNotText,
  isMarkedForDeletion,
  markedForDeletion,
  noneOfThatArn,
  refusalOf,
  secretAt,
  versionWith,
} from './sight.ts';

type Tools = { secrets: Secrets; declared: DeclaredAws; context: StoreContext };

/** A label that no version ever has. */
const noLabel = 'keyturn-check';

/**
 * What the spot will need. Reading is tried, and so is writing, by requests that AWS refuses for what is in them once it
 * has allowed them: another value under the id of a version that is there, a label taken from a version that is not.
 */
export async function checkSecret(spot: Spot, { secrets, declared, context }: Tools): Promise<StoreCheck> {
  const at = await secretAt(spot, context.name, secrets, declared);
  const warnings = endpointWarnings(declared, context, 'SECRETS_MANAGER');
  const asked = (right: string) => ({ store: context.name, place: at.place, right: `secretsmanager:${right}` });

  const describing = await probe(secrets.aws, asked('DescribeSecret'), (client, options) =>
    client.send(new DescribeSecretCommand({ SecretId: at.id }), options),
  );
  const described = describing.granted ? describing.answer : null;
  const right = (name: string, granted: boolean | null): Right => {
    return { right: name.includes(':') ? name : `secretsmanager:${name}`, to: described?.ARN ?? at.id, granted };
  };
  const first = right('DescribeSecret', describing.granted);
  if (described === null) {
    const later = ['GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'];
    const toCreate = !describing.granted
      ? []
      : spot.field === null
        ? ['CreateSecret', 'DeleteSecret']
        : ['CreateSecret'];
    return {
      rights: [first, ...[...later, ...toCreate].map((name) => right(name, null))],
      refusal: describing.granted && at.id.startsWith('arn:') ? noneOfThatArn : null,
      warnings: describing.granted ? [...warnings, notThere(at.id, await secrets.aws.region())] : warnings,
    };
  }

  const refusal = refusalOf(described, spot, await secrets.aws.region(), declared);
  if (refusal !== null || isMarkedForDeletion(described)) {
    return { rights: [first], refusal: refusal ?? markedForDeletion, warnings };
  }
  const current = versionWith('AWSCURRENT', described);
  const reading = current === null ? null : await reads(current);
  const rights = [
    first,
    right('GetSecretValue', reading?.granted ?? null),
    right('PutSecretValue', current === null ? null : await writes(current)),
    right('UpdateSecretVersionStage', await moves()),
    ...(spot.field === null && described.Description === madeByKeyturn ? [right('DeleteSecret', null)] : []),
    ...ofKey(described, reading?.granted === true ? true : null),
  ];
  const read = reading?.granted === true && reading.answer !== null ? reading.answer : null;
  const text = read?.SecretString ?? null;
  return {
    rights,
    refusal: read === null ? null : text === null ? bytesNotText : whyNotIn(text, spot),
    warnings: [...warnings, ...wholeWarnings(text, spot)],
  };

  function reads(current: string) {
    return probe(secrets.aws, asked('GetSecretValue'), (client, options) =>
      client.send(new GetSecretValueCommand({ SecretId: at.id, VersionId: current }), options),
    );
  }

  async function writes(current: string): Promise<boolean> {
    const input = {
      SecretId: at.id,
      ClientRequestToken: current,
      SecretString: randomUUID(),
      VersionStages: [noLabel],
    };
    const writing = await probe(secrets.aws, asked('PutSecretValue'), (client, options) =>
      client.send(new PutSecretValueCommand(input), options),
    );
    return writing.granted;
  }

  async function moves(): Promise<boolean> {
    const input = { SecretId: at.id, VersionStage: noLabel, RemoveFromVersionId: randomUUID() };
    const moving = await probe(secrets.aws, asked('UpdateSecretVersionStage'), (client, options) =>
      client.send(new UpdateSecretVersionStageCommand(input), options),
    );
    return moving.granted;
  }

  function ofKey({ KmsKeyId }: DescribeSecretResponse, canDecrypt: true | null): Right[] {
    if (!KmsKeyId) return [];
    const onKey = { to: KmsKeyId };
    return [
      { right: 'kms:Decrypt', ...onKey, granted: canDecrypt },
      { right: 'kms:GenerateDataKey', ...onKey, granted: null },
    ];
  }
}
