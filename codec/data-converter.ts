import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import type { Keyring } from './keyring.ts';
import { payloadCodec } from './payload-codec.ts';

/** How everything crosses to Temporal and back: encrypted. The same for worker, client and replayer of a namespace. */
export function dataConverter(keyring: Keyring, namespace: string): DataConverter {
  return { failureConverterPath: failureConverterPath(), payloadCodecs: [payloadCodec(keyring, namespace)] };
}

/** Of the sources, or of the built package. */
export function failureConverterPath(): string {
  const source = fileURLToPath(new URL('./failure-converter.ts', import.meta.url));
  return existsSync(source) ? source : source.replace(/\.ts$/, '.js');
}
