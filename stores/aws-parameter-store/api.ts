import {
  DeleteParameterCommand,
  DescribeParametersCommand,
  GetParameterCommand,
  type Parameter,
  type ParameterMetadata,
  PutParameterCommand,
  type PutParameterCommandInput,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { inShort } from '../aws/answer.ts';
import { type Asked, type Particular, refused } from '../aws/classify.ts';
import { type Aws, openAws } from '../aws/client.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import { Moved, type Sending } from '../driver.ts';
import type { StoreContext } from '../kind.ts';

export type At = { name: string; place: string };

/** One request each. */
export type Parameters = {
  aws: Aws<SSMClient>;
  /** Decrypted. null: there is none, or not this version of it. */
  get(at: At, version?: number): Promise<Parameter | null>;
  /** What `get` does not tell: tier, KMS key, description. null: not known (yet). */
  describe(at: At): Promise<ParameterMetadata | null>;
  /** The number of the version that it became. */
  put(at: At, input: Omit<PutParameterCommandInput, 'Name'>, sending: Sending): Promise<number>;
  /** At once and for good. */
  destroy(at: At, sending: Sending): Promise<void>;
};

const says =
  (why: string): Particular[string] =>
  (failed, asked) =>
    refused(asked, `${why} (${inShort(failed)})`);

const particular: Particular = {
  ParameterNotFound: () => new Moved(),
  ParameterAlreadyExists: () => new Moved(),
  ParameterMaxVersionLimitExceeded: says(
    'the oldest of its 100 versions has a label, which keeps AWS from dropping it; move the label to a newer version, or take it away (aws ssm unlabel-parameter-version)',
  ),
  ParameterLimitExceeded: says('the account has as many parameters as AWS allows'),
  ParameterPatternMismatchException: says('the value does not match the AllowedPattern of the parameter'),
  InvalidKeyId: says('its KMS key is disabled, deleted or not to be used by these credentials'),
  HierarchyTypeMismatchException: says('its type cannot be changed'),
  ValidationException: says('AWS takes its name or its value for none'),
};

export function openParameters(declared: DeclaredAws, context: StoreContext): Parameters {
  const aws = openAws((settings) => new SSMClient(settings), declared, context, particular);
  const asked = ({ place }: At, right: string): Asked => ({ store: context.name, place, right: `ssm:${right}` });

  return {
    aws,
    async get(at, version) {
      const Name = version === undefined ? at.name : `${at.name}:${version}`;
      const absent = /^Parameter(Version)?NotFound$/;
      const answer = await aws.find(asked(at, 'GetParameter'), absent, (client, options) =>
        client.send(new GetParameterCommand({ Name, WithDecryption: true }), options),
      );
      return answer?.Parameter ?? null;
    },
    async describe(at) {
      const input = { ParameterFilters: [{ Key: 'Name', Option: 'Equals', Values: [at.name] }] };
      const answer = await aws.find(asked(at, 'DescribeParameters'), /^ParameterNotFound$/, (client, options) =>
        client.send(new DescribeParametersCommand(input), options),
      );
      return answer?.Parameters?.[0] ?? null;
    },
    async put(at, input, sending) {
      const answer = await aws.change(asked(at, 'PutParameter'), sending, (client, options) =>
        client.send(new PutParameterCommand({ Name: at.name, ...input }), options),
      );
      return answer.Version ?? 0;
    },
    async destroy(at, sending) {
      await aws.change(asked(at, 'DeleteParameter'), sending, (client, options) =>
        client.send(new DeleteParameterCommand({ Name: at.name }), options),
      );
    },
  };
}
