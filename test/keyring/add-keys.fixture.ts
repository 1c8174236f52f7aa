import { once } from 'node:events';
import { withKey } from '../../keyring/keyring-changes.ts';
import { changeKeyringFile, newPlainKey } from '../../keyring/keyring-file.ts';

// A process of its own: waits for a line, so that several begin together; adds keys, and says each once it is there.
const [file = '', name = '', count = ''] = process.argv.slice(2);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
for (let n = 0; n < Number(count); n++) {
  const id = `${name}${n}`;
  changeKeyringFile(file, (held) => withKey(held, id, newPlainKey(), new Date()));
  process.stdout.write(`${id}\n`);
}
process.stdin.destroy();
