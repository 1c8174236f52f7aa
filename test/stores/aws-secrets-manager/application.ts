import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  InvalidParameterException,
  PutSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';

/** What applications read. By the label: without one, moto goes on to answer the version that was current before it moved. */
export async function textOf(
  secrets: SecretsManagerClient,
  name: string,
  label = 'AWSCURRENT',
): Promise<string | null> {
  try {
    return (
      (await secrets.send(new GetSecretValueCommand({ SecretId: name, VersionStage: label }))).SecretString ?? null
    );
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return null;
    throw error;
  }
}

export type Labels = Record<string, string>;

/** Which version has which label. */
export async function labelsOf(secrets: SecretsManagerClient, name: string): Promise<Labels> {
  const { VersionIdsToStages } = await secrets.send(new DescribeSecretCommand({ SecretId: name }));
  return Object.fromEntries(
    Object.entries(VersionIdsToStages ?? {}).flatMap(([id, labels]) => labels.map((label) => [label, id])),
  );
}

/**
 * As PutSecretValue alone does it with AWS; moto's takes the label from no version that it was moved to before.
 *
 * @param over only if this is current still; false: it was not
 */
export async function writeAsStranger(
  secrets: SecretsManagerClient,
  name: string,
  text: string,
  over?: string,
): Promise<boolean> {
  const { VersionId } = await secrets.send(
    new PutSecretValueCommand({ SecretId: name, SecretString: text, VersionStages: ['stranger'] }),
  );
  const { AWSCURRENT } = await labelsOf(secrets, name);
  if (AWSCURRENT === undefined || AWSCURRENT === VersionId) return true;
  const move = { MoveToVersionId: VersionId, RemoveFromVersionId: over ?? AWSCURRENT };
  try {
    await secrets.send(new UpdateSecretVersionStageCommand({ SecretId: name, VersionStage: 'AWSCURRENT', ...move }));
    return true;
  } catch (error) {
    if (over !== undefined && error instanceof InvalidParameterException) return false;
    throw error;
  }
}
