import { Secret } from '../secrets/secret.ts';

/** Far more than any key, far less than a file given by mistake. */
export const maxKeyBytes = 4096;

/**
 * A management key out of text that a person, a variable or a file gave, without the white space around it; or why it
 * cannot be one. Only what an HTTP header takes is asked for: the form of a key says nothing (facts §1).
 */
export function managementKeyFrom(text: string): { key: Secret } | { wrong: string } {
  const key = text.trim();
  if (key === '') return { wrong: 'it is empty' };
  if (key.length > maxKeyBytes) return { wrong: 'it is too long for a key' };
  if (/[\r\n]/.test(key)) return { wrong: 'it has more than one line' };
  if (!/^[\x21-\x7e]+$/.test(key)) return { wrong: 'it holds spaces or characters that are not printable ASCII' };
  // Sent as a key, it would show OpenRouter what else it holds.
  if (key.startsWith('{')) return { wrong: 'it is a whole JSON document; name the field that is the key' };
  return { key: new Secret(key) };
}
