import { withKey } from '../../codec/keyring-changes.ts';
import { changeKeyringFile, newPlainKey } from '../../codec/keyring-file.ts';

// A process of its own: adds keys to a keyring and says each once it is there.
const [file = '', name = '', count = '10'] = process.argv.slice(2);
for (let n = 0; n < Number(count); n++) {
  const id = `${name}${n}`;
  changeKeyringFile(file, (held) => withKey(held, id, newPlainKey(), new Date()));
  process.stdout.write(`${id}\n`);
}
