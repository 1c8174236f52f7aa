import { randomUUID } from 'node:crypto';
import {
  DescribeParametersCommand,
  GetParameterCommand,
  type Parameter,
  PutParameterCommand,
} from '@aws-sdk/client-ssm';
import { endpointWarnings } from '../aws/address.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import { probe } from '../aws/probe.ts';
import { madeByKeyturn, notThere, wholeWarnings } from '../aws/spot-text.ts';
import type { StoreContext } from '../kind.ts';
import type { Right, Spot, StoreCheck } from '../store.ts';
import type { Parameters } from './api.ts';
import { parameterAt, refusalOf } from './sight.ts';

type Tools = { store: string; parameters: Parameters; declared: DeclaredAws; context: StoreContext };

/**
 * What the spot will need. Reading is tried, and so is writing where there is a parameter: by a request that AWS refuses for
 * two reasons once it has allowed it, as it must not overwrite, and its value not match.
 */
export async function checkParameter(spot: Spot, { store, parameters, declared, context }: Tools): Promise<StoreCheck> {
  const at = await parameterAt(spot, { store, parameters, declared });
  const warnings = endpointWarnings(declared, context, 'SSM');
  const { aws } = parameters;
  const asked = (right: string) => ({ store, place: at.place, right: `ssm:${right}` });

  const getting = await probe(aws, asked('GetParameter'), (client, options) =>
    client.send(new GetParameterCommand({ Name: at.name, WithDecryption: true }), options),
  );
  const parameter = getting.granted ? (getting.answer?.Parameter ?? null) : null;
  const to = parameter?.ARN ?? at.name;
  const listing = await probe(aws, asked('DescribeParameters'), (client, options) =>
    client.send(
      new DescribeParametersCommand({ ParameterFilters: [{ Key: 'Name', Option: 'Equals', Values: [at.name] }] }),
      options,
    ),
  );
  const described = listing.granted ? listing.answer?.Parameters?.[0] : undefined;
  const mayDelete = spot.field === null && (parameter === null || described?.Description === madeByKeyturn);
  const rights: Right[] = [
    { right: 'ssm:GetParameter', to, granted: getting.granted },
    { right: 'ssm:PutParameter', to, granted: parameter === null ? null : await writes(parameter) },
    { right: 'ssm:DescribeParameters', to: '*', granted: listing.granted },
    ...(mayDelete ? [{ right: 'ssm:DeleteParameter', to, granted: null }] : []),
    ...ofKey(described?.KeyId),
  ];
  if (parameter === null) {
    const region = await aws.region();
    return { rights, refusal: null, warnings: getting.granted ? [...warnings, notThere(at.name, region)] : warnings };
  }
  return {
    rights,
    refusal: refusalOf(parameter, spot, declared),
    warnings: [...warnings, ...about(parameter, spot)],
  };

  async function writes({ Type }: Parameter): Promise<boolean> {
    const input = { Name: at.name, Type, Value: randomUUID(), AllowedPattern: '^$', Overwrite: false };
    const writing = await probe(aws, asked('PutParameter'), (client, options) =>
      client.send(new PutParameterCommand(input), options),
    );
    return writing.granted;
  }
}

/** AWS's own key needs no right. */
function ofKey(key: string | undefined): Right[] {
  if (!key || key === 'alias/aws/ssm') return [];
  return [
    { right: 'kms:Decrypt', to: key, granted: true },
    { right: 'kms:Encrypt', to: key, granted: null },
  ];
}

function about({ Type, Value }: Parameter, spot: Spot): string[] {
  const plain = `${spot.name} is of the type String, which is not encrypted; SecureString is.`;
  return [...(Type === 'String' ? [plain] : []), ...wholeWarnings(Value ?? '', spot)];
}
