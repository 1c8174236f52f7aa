import { text } from 'node:stream/consumers';
import { fault } from '../../../errors/keyturn-error.ts';
import { Secret } from '../../../secrets/secret.ts';
import { askHidden } from '../../person.ts';

const minCharacters = 12;

/** From a prompt that does not show it, or the first line of standard input. @throws KEYTURN_USAGE there is none */
export async function typedPassphrase(): Promise<Secret> {
  const typed = process.stdin.isTTY ? await askHidden('Passphrase (not shown): ') : await text(process.stdin);
  const [line = ''] = typed.split(/\r?\n/);
  if (line === '') throw fault('KEYTURN_USAGE', 'No passphrase was given.');
  return new Secret(line);
}

/** One that is to be kept: long enough, and on a terminal typed twice. @throws KEYTURN_USAGE */
export async function newPassphrase(): Promise<Secret> {
  const passphrase = await typedPassphrase();
  if (passphrase.reveal().length < minCharacters) {
    throw fault('KEYTURN_USAGE', `The passphrase has fewer than ${minCharacters} characters.`);
  }
  if (process.stdin.isTTY && (await askHidden('The same again: ')) !== passphrase.reveal()) {
    throw fault('KEYTURN_USAGE', 'The two were not the same.');
  }
  return passphrase;
}
