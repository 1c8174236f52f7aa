import pino, { type DestinationStream, type Logger } from 'pino';
import { scrub } from '../secrets/redaction.ts';

/** One JSON line a request: who had what decoded, or was refused, and why (docs/codec-server.md). */
export function createAccessLog(level: string, destination: DestinationStream): Logger {
  return pino({ level, base: { name: 'keyturn-codec-server' }, hooks: { streamWrite: scrub } }, destination);
}
