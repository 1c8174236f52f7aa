import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  type DescribeSecretResponse,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { fault, retryAfter } from '../../errors/keyturn-error.ts';
import { type Failed, inShort } from '../aws/answer.ts';
import { type Asked, type Particular, refused } from '../aws/classify.ts';
import { type Aws, openAws } from '../aws/client.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import { Moved, type Sending } from '../driver.ts';
import type { StoreContext } from '../kind.ts';

/** One request each. `id`: name or whole ARN; `place`: in words. */
export type Secrets = {
  aws: Aws<SecretsManagerClient>;
  /** null: there is no such secret here. AWS answers the same in a wrong region (facts §1.8). */
  describe(at: At): Promise<DescribeSecretResponse | null>;
  /** The version, if it has the label where one is given. null: it has not, or is not there (any more). */
  read(at: At, versionId: string, label?: string): Promise<{ text: string | null } | null>;
  create(at: At, made: Made, sending: Sending): Promise<void>;
  stage(at: At, version: Staged, sending: Sending): Promise<void>;
  moveLabel(at: At, label: string, move: { from: string | null; to: string | null }, sending: Sending): Promise<void>;
  /** At once and for good: the name is free, soon after. */
  destroy(at: At, sending: Sending): Promise<void>;
};

export type At = { id: string; place: string };
export type Made = { token: string; text: string; description: string };
export type Staged = { token: string; text: string; label: string };

const beingDeletedMs = 5_000;

/** What Secrets Manager says with words of its own. Of the rest `classify` knows enough. */
const particular: Particular = {
  InvalidRequestException: (failed, asked) =>
    refused(
      asked,
      `AWS does not change it in its state: marked for deletion, a replica, or managed (${inShort(failed)})`,
    ),
  DecryptionFailure: (failed, asked) => refused(asked, kmsWords(inShort(failed))),
  EncryptionFailure: (failed, asked) => refused(asked, kmsWords(inShort(failed))),
  ResourceNotFoundException: () => new Moved(),
  ResourceExistsException: () => new Moved(),
};

export function openSecrets(declared: DeclaredAws, context: StoreContext): Secrets {
  const aws = openAws((settings) => new SecretsManagerClient(settings), declared, context, particular);
  const asked = ({ place }: At, right: string): Asked => ({
    store: context.name,
    place,
    right: `secretsmanager:${right}`,
  });

  return {
    aws,
    describe: (at) =>
      aws.find(asked(at, 'DescribeSecret'), /^ResourceNotFoundException$/, (client, options) =>
        client.send(new DescribeSecretCommand({ SecretId: at.id }), options),
      ),
    async read(at, versionId, label) {
      const input = { SecretId: at.id, VersionId: versionId, ...(label === undefined ? {} : { VersionStage: label }) };
      // A label that has not arrived yet is none of the version (moto says InvalidRequestException).
      const absent = /^(ResourceNotFound|InvalidRequest|InvalidParameter)Exception$/;
      const answer = await aws.find(asked(at, 'GetSecretValue'), absent, (client, options) =>
        client.send(new GetSecretValueCommand(input), options),
      );
      return answer === null ? null : { text: answer.SecretString ?? null };
    },
    async create(at, { token, text, description }, sending) {
      const kms = declared.kmsKey === undefined ? {} : { KmsKeyId: declared.kmsKey };
      const input = { Name: at.id, ClientRequestToken: token, SecretString: text, Description: description, ...kms };
      await aws.change(
        asked(at, 'CreateSecret'),
        sending,
        (client, options) => client.send(new CreateSecretCommand(input), options),
        { InvalidRequestException: beingDeleted },
      );
    },
    async stage(at, { token, text, label }, sending) {
      const input = { SecretId: at.id, ClientRequestToken: token, SecretString: text, VersionStages: [label] };
      await aws.change(asked(at, 'PutSecretValue'), sending, (client, options) =>
        client.send(new PutSecretValueCommand(input), options),
      );
    },
    async moveLabel(at, label, { from, to }, sending) {
      const input = {
        SecretId: at.id,
        VersionStage: label,
        ...(from === null ? {} : { RemoveFromVersionId: from }),
        ...(to === null ? {} : { MoveToVersionId: to }),
      };
      await aws.change(
        asked(at, 'UpdateSecretVersionStage'),
        sending,
        (client, options) => client.send(new UpdateSecretVersionStageCommand(input), options),
        // The label is not where it was seen: this is the compare-and-set (facts §1.2).
        { InvalidParameterException: () => new Moved() },
      );
    },
    async destroy(at, sending) {
      await aws.change(asked(at, 'DeleteSecret'), sending, (client, options) =>
        client.send(new DeleteSecretCommand({ SecretId: at.id, ForceDeleteWithoutRecovery: true }), options),
      );
    },
  };
}

/** Deleting takes AWS a moment longer than it takes to answer; nothing else is against a name that is not there. */
function beingDeleted(failed: Failed, { store }: Asked) {
  const why = `a secret of that name is still being deleted (${inShort(failed)})`;
  return retryAfter(fault('KEYTURN_STORE_UNAVAILABLE', store, why), beingDeletedMs);
}

function kmsWords(what: string): string {
  return `its KMS key is disabled, deleted or not to be used by these credentials (${what})`;
}
