import { z } from 'zod';

/** What of a Secret is looked at; base64 as the cluster wrote it. */
const shape = z.looseObject({
  kind: z.literal('Secret'),
  type: z.string().catch(''),
  immutable: z.boolean().nullish(),
  data: z
    .record(z.string(), z.string())
    .nullish()
    .transform((data) => data ?? {}),
  metadata: z.looseObject({
    uid: z.string().min(1),
    resourceVersion: z.string().min(1),
    deletionTimestamp: z.string().nullish(),
    labels: z.record(z.string(), z.string()).nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
    finalizers: z.array(z.string()).nullish(),
    ownerReferences: z
      .array(z.looseObject({ kind: z.string(), name: z.string(), controller: z.boolean().nullish() }))
      .nullish(),
    managedFields: z
      .array(
        z.looseObject({
          manager: z.string().nullish(),
          operation: z.string().nullish(),
          fieldsV1: z.looseObject({ 'f:data': z.record(z.string(), z.unknown()).optional() }).nullish(),
        }),
      )
      .nullish(),
  }),
});

export type SecretObject = z.output<typeof shape>;

export function secretObject(json: unknown): SecretObject | null {
  const read = shape.safeParse(json);
  return read.success ? read.data : null;
}

const createdMark = 'keyturn.dev/created';

/** A Secret of our own making. What others have made never gets a mark: only the key changes. */
export function newSecret(name: string, key: string, base64: string) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name,
      labels: { 'app.kubernetes.io/managed-by': 'keyturn' },
      annotations: { [createdMark]: 'true' },
    },
    data: { [key]: base64 },
  };
}

/** Whether it was made for Keyturn's keys alone, so that it goes with the last of them. */
export function isOurs({ metadata }: SecretObject): boolean {
  return (
    metadata.annotations?.[createdMark] === 'true' && !metadata.ownerReferences?.length && !metadata.finalizers?.length
  );
}
