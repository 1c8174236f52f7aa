import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { z } from 'zod';
import { encryptionKeyOf } from '../codec/payload-codec.ts';
import { fault } from '../errors/keyturn-error.ts';

const PayloadMessage = proto.temporal.api.common.v1.Payload;

/** A payload as Temporal's remote codec protocol writes it: proto JSON, bytes in base64. */
export type PayloadJson = Record<string, unknown>;

const payloadList = z.object({ payloads: z.array(z.record(z.string(), z.unknown())) });

/** @throws KEYTURN_CODEC_REQUEST */
export function payloadsIn(body: unknown): PayloadJson[] {
  const { data } = payloadList.safeParse(body);
  if (data === undefined) throw fault('KEYTURN_CODEC_REQUEST', 'the body is not {"payloads": […]}');
  return data.payloads;
}

/** `keyIds`: of the keys that encrypted them, without those that nothing here encrypted. */
export type Converted = { payloads: PayloadJson[]; keyIds: string[] };

/** What Keyturn encrypted comes back in clear, everything else exactly as it came, with fields this version does not know. */
export async function decodePayloads(codec: PayloadCodec, payloads: readonly PayloadJson[]): Promise<Converted> {
  const read = payloads.map((json) => ({ json, payload: fromJson(json) }));
  const encrypted = read.filter(({ payload }) => encryptionKeyOf(payload) !== null);
  const decoded = await codec.decode(encrypted.map(({ payload }) => payload));
  const clear = new Map(encrypted.map(({ json }, n) => [json, toJson(decoded[n] as Payload)]));
  return {
    payloads: payloads.map((json) => clear.get(json) ?? json),
    keyIds: keyIdsOf(encrypted.map(({ payload }) => payload)),
  };
}

export async function encodePayloads(codec: PayloadCodec, payloads: readonly PayloadJson[]): Promise<Converted> {
  const encoded = await codec.encode(payloads.map(fromJson));
  return { payloads: encoded.map(toJson), keyIds: keyIdsOf(encoded) };
}

function fromJson(json: PayloadJson): Payload {
  try {
    return PayloadMessage.fromObject(json);
  } catch {
    throw fault('KEYTURN_CODEC_REQUEST', 'a payload is not {"metadata": {NAME: base64}, "data": base64}');
  }
}

function toJson(payload: Payload): PayloadJson {
  return PayloadMessage.toObject(PayloadMessage.fromObject(payload), { bytes: String, longs: String });
}

function keyIdsOf(payloads: readonly Payload[]): string[] {
  return [...new Set(payloads.map(encryptionKeyOf).filter((id) => id !== null))];
}
