import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import type { Keyring } from '../keyring/keyring.ts';
import { payloadCodec } from './payload-codec.ts';

/** How everything crosses to Temporal and back: encrypted. What a client cannot read is an error. */
export function dataConverter(keyring: Keyring, namespace: string): DataConverter {
  return { failureConverterPath: failureConverterPath(), payloadCodecs: [payloadCodec(keyring, namespace)] };
}

/** The same for workers and replays, where what cannot be read is a value (lenient-payload-converter.ts). */
export function workerDataConverter(keyring: Keyring, namespace: string): DataConverter {
  const codec = payloadCodec(keyring, namespace);
  return {
    failureConverterPath: failureConverterPath(),
    payloadConverterPath: payloadConverterPath(),
    payloadCodecs: [
      {
        ...codec,
        decode: (payloads, context) =>
          context?.type === 'workflow'
            ? Promise.all(payloads.map((one) => decodedOrAsIs(codec, one)))
            : codec.decode(payloads),
      },
    ],
  };
}

/**
 * What is sent to a workflow, by anybody. The codec runs before any workflow code: what it throws fails the workflow task,
 * again and again. For results of steps that is right: they are ours, and wait for a worker that has the keyring.
 */
async function decodedOrAsIs(codec: PayloadCodec, payload: Payload): Promise<Payload> {
  const [decoded = payload] = await codec.decode([payload]).catch(() => [payload]);
  return decoded;
}

export function failureConverterPath(): string {
  return modulePath('./failure-converter.ts');
}

export function payloadConverterPath(): string {
  return modulePath('./lenient-payload-converter.ts');
}

/** Of the sources, or of the built package. */
function modulePath(name: string): string {
  const source = fileURLToPath(new URL(name, import.meta.url));
  return existsSync(source) ? source : source.replace(/\.ts$/, '.js');
}
