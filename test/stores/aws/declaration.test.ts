import { describe, expect, test } from 'vitest';
import { awsParameterStore } from '../../../stores/aws-parameter-store/kind.ts';
import { parameterNamed } from '../../../stores/aws-parameter-store/parameter-name.ts';
import { awsSecretsManager } from '../../../stores/aws-secrets-manager/kind.ts';
import { secretNamed } from '../../../stores/aws-secrets-manager/secret-name.ts';

describe.each([awsSecretsManager, awsParameterStore])('$kind in keyturn.yaml', ({ kind, schema, fields }) => {
  const read = (entry: object) => schema.safeParse({ kind, ...entry });
  const refusals = (entry: object) =>
    read(entry).error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`);

  test('needs nothing, and takes all that its README names', () => {
    expect(read({}).success).toBe(true);
    const all = {
      region: 'us-gov-west-1',
      endpoint: 'http://127.0.0.1:4566',
      account: '012345678901',
      accessKeyId: { env: 'ID' },
      secretAccessKey: { file: '/run/secrets/key' },
      sessionToken: { store: 'vault', name: 'aws', field: 'token' },
      kmsKey: 'arn:aws:kms:eu-central-1:123456789012:alias/ours',
      readersFollow: '90s',
    };
    expect(read(all).data).toMatchObject({ readersFollow: { at: 'within', ms: 90_000 } });
    expect(read({ profile: 'rotator', readersFollow: 'restart' }).data).toMatchObject({
      readersFollow: { at: 'restart' },
    });
    expect([...Object.keys(all), 'profile', 'kind'].toSorted()).toEqual(fields.toSorted());
  });

  test.each<[object, RegExp]>([
    [{ region: 'Frankfurt' }, /^region is not a region of AWS/],
    [{ account: 123456789012 }, /^account .*in quotes/],
    [{ endpoint: 'http://aws.example.com' }, /^endpoint is not an endpoint/],
    [{ endpoint: 'https://user:pass@aws.example.com' }, /^endpoint is not an endpoint/],
    [{ accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }, /^accessKeyId is not a reference/],
    [{ accessKeyId: { env: 'ID' } }, /^secretAccessKey is missing/],
    [{ sessionToken: { env: 'TOKEN' } }, /^accessKeyId is missing/],
    [{ accessKeyId: { env: 'ID' }, secretAccessKey: { env: 'KEY' }, profile: 'x' }, /^profile is a second source/],
    [{ readersFollow: 'soon' }, /^readersFollow is not how applications follow/],
  ])('%j is refused, without showing what was pasted', (entry, says) => {
    expect(refusals(entry)).toEqual([expect.stringMatching(says)]);
    expect(refusals(entry)?.join()).not.toMatch(/AKIA|user:pass/);
  });
});

test('a secret of AWS is named by its name or by its whole ARN', () => {
  const arn = 'arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:prod/my-secret-AbC123';
  expect(secretNamed(arn)).toEqual({ name: 'prod/my-secret', arn, region: 'cn-north-1', account: '123456789012' });
  expect(secretNamed('prod/my-secret')).toMatchObject({ name: 'prod/my-secret', arn: null });
  for (const none of [
    '',
    'a b',
    arn.slice(0, -7).replace('my-secret', 'x'),
    'arn:aws:ssm:eu-central-1:123456789012:secret:x-AbC123',
  ]) {
    expect(secretNamed(none)).toBeNull();
  }
});

test('a parameter is named by its name or by its ARN, and never with a version', () => {
  const arn = (path: string) => `arn:aws:ssm:eu-central-1:123456789012:parameter${path}`;
  expect(parameterNamed(arn('/prod/x'))).toMatchObject({
    name: '/prod/x',
    region: 'eu-central-1',
    account: '123456789012',
  });
  expect(parameterNamed(arn('/x'))).toMatchObject({ name: 'x' });
  expect(parameterNamed('/prod/x.y_z-1')).toMatchObject({ name: '/prod/x.y_z-1', arn: null });
  for (const none of [
    '',
    'a/b',
    '/a:3',
    '/a:label',
    '/aws/x',
    'AWS-x',
    '/ssm-x',
    '/a//b',
    '/a/',
    arn('/a:3'),
    `/${'a/'.repeat(15)}a`,
  ]) {
    expect(parameterNamed(none), none).toBeNull();
  }
});
