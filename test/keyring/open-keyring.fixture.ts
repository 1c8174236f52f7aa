import { once } from 'node:events';
import { openKeyring } from '../../keyring/keyring-source.ts';
import { seal } from '../../secrets/seal.ts';
import { Secret } from '../../secrets/secret.ts';

// A process of its own: waits for a line, so that several open at the same moment, and prints a sealed value.
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const keyring = await openKeyring(String(process.argv[2]));
process.stdout.write(`${seal(keyring, new Secret('from another process'), 'test')}\n`);
process.stdin.destroy();
