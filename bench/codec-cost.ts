import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { payloadCodec } from '../codec/payload-codec.ts';
import { freshKeyring } from '../keyring/keyring.ts';
import { type Figure, median } from './table.ts';

const payloads = 2_000;
const rounds = 5;

/** The input of a step: what most payloads of a rotation are like. */
const content = {
  policy: 'checkout',
  connection: 'main',
  rotationId: 'r0123456789ab',
  marker: 'keyturn:checkout:r0123456789ab:1',
  key: { name: 'checkout-prod', limit: 50, limitReset: 'monthly', includeByokInLimit: false, workspace: null },
};

/**
 * What encryption costs for one payload: processor time to encrypt and to decrypt it, and the bytes it adds, in history
 * and on the wire. `bareActivitiesPerSecond`, of the same run, is what it stands beside: an activity has four payload
 * crossings (input and result, each encrypted and decrypted).
 */
export async function codecCost(bareActivitiesPerSecond: number): Promise<Figure[]> {
  const codec = payloadCodec(freshKeyring(), 'bench');
  const plain = Array.from({ length: payloads }, () => defaultPayloadConverter.toPayload(content) as Payload);
  const encrypting: number[] = [];
  const decrypting: number[] = [];
  let encrypted: Payload[] = [];
  for (let round = 0; round < rounds; round++) {
    encrypting.push(await microseconds(async () => (encrypted = await codec.encode(plain))));
    decrypting.push(await microseconds(() => codec.decode(encrypted)));
  }
  const size = ({ metadata, data }: Payload) =>
    Object.entries(metadata ?? {}).reduce((sum, [name, value]) => sum + name.length + value.length, data?.length ?? 0);
  const added = size(encrypted[0] as Payload) - size(plain[0] as Payload);
  const perActivity = (2 * (median(encrypting) + median(decrypting))) / 1e6;
  return [
    figure('codec.encryptMicroseconds', 'payload codec, encrypting a payload', median(encrypting), 'µs'),
    figure('codec.decryptMicroseconds', 'payload codec, decrypting a payload', median(decrypting), 'µs'),
    figure('codec.addedBytes', 'payload codec, bytes added to a payload', added, 'B'),
    figure(
      'codec.shareOfActivity',
      'codec : an activity of a bare workflow',
      perActivity * bareActivitiesPerSecond,
      '',
    ),
  ];
}

async function microseconds(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / payloads;
}

function figure(id: string, name: string, value: number, unit: string): Figure {
  return { id, name, value, unit, budget: null };
}
