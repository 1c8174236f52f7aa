import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openKeyring } from '../../../keyring/keyring-source.ts';
import { Secret } from '../../../secrets/secret.ts';
import { openVaultByOwner } from '../by-owner.ts';

// A process of its own on a vault: node vault-process.fixture.ts ACTION VAULT KEYRING NAME
const [action, file = '', keyringFile = '', name = ''] = process.argv.slice(2);
const say = (text: string) => process.stdout.write(`${text}\n`);
const outcome = async (work: () => Promise<unknown>) => {
  try {
    await work();
    return 'done';
  } catch (error) {
    return JSON.stringify(error);
  }
};
const opened = async () => openVaultByOwner({ file, keyring: await openKeyring(keyringFile) });

const actions: Record<string, () => Promise<void>> = {
  /** Writes 10 rotations of a secret of its own, and one of a secret that every process wants. */
  async write() {
    say('ready');
    await once(process.stdin, 'data');
    const vault = await opened();
    say(await outcome(() => vault.write({ policy: name, name: 'SHARED' }, new Secret(`shared ${name}`), 'r1')));
    for (let n = 1; n <= 10; n++) {
      await vault.write({ policy: name, name }, new Secret(`${name} ${n}`), `r${n}`);
      await nextTurn();
    }
  },

  /** Writes until it is killed; says each version once it is written. */
  async writeForEver() {
    const vault = await opened();
    for (let n = 1; ; n++) {
      await vault.write({ policy: name, name }, new Secret(`${name} ${n}`), `r${n}`);
      say(String(n));
      await nextTurn();
    }
  },

  /** Holds a write open until it is told to commit it. */
  async lock() {
    const db = new DatabaseSync(file);
    db.exec('BEGIN IMMEDIATE; UPDATE vault SET proof = proof');
    say('locked');
    await once(process.stdin, 'data');
    // Late enough that the other process is waiting by now, well within what it waits.
    await new Promise((done) => setTimeout(done, 200));
    say(await outcome(async () => db.exec('COMMIT')));
  },

  /** Tries everything as a user whom the file's mode binds, which root is not. */
  async useAsStranger() {
    const keyring = await openKeyring(keyringFile);
    if (process.getuid?.() === 0) process.setuid?.(65_534);
    const secret = { policy: name, name };
    say(await outcome(() => openVaultByOwner({ file, keyring }).read(secret)));
    say(await outcome(() => openVaultByOwner({ file, keyring }).check(secret)));
    say(await outcome(() => openVaultByOwner({ file, keyring }).write(secret, new Secret('stranger'), 'stranger')));
  },

  /** Writes until the disk is full, then says the error and what is still held. */
  async fill() {
    const vault = await opened();
    let written = 0;
    const error = await outcome(async () => {
      for (; ; written++) await vault.write({ policy: name, name: `S${written}` }, new Secret('x'.repeat(9_000)), 'r1');
    });
    const entries = await vault.list();
    say(error);
    say(JSON.stringify({ written, held: entries.length }));
  },
};

await actions[String(action)]?.();
process.stdin.destroy();
