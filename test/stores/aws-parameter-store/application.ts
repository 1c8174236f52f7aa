import { GetParameterCommand, ParameterNotFound, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';

/** What applications read. */
export async function textOf(parameters: SSMClient, name: string): Promise<string | null> {
  try {
    const { Parameter } = await parameters.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
    return Parameter?.Value ?? null;
  } catch (error) {
    if (error instanceof ParameterNotFound) return null;
    throw error;
  }
}

export async function writeAsStranger(parameters: SSMClient, name: string, text: string): Promise<void> {
  const already = (await textOf(parameters, name)) !== null;
  const type = already ? {} : { Type: 'SecureString' as const };
  await parameters.send(new PutParameterCommand({ Name: name, Value: text, Overwrite: already, ...type }));
}
