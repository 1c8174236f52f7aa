import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyturnPaths } from '../../config/paths.ts';

test('without XDG variables everything is below the home folder', () => {
  expect(keyturnPaths({ HOME: '/home/ada' })).toEqual({
    dataDir: '/home/ada/.local/share/keyturn',
    cacheDir: '/home/ada/.cache/keyturn',
    configDir: '/home/ada/.config/keyturn',
    logsDir: '/home/ada/.local/state/keyturn/logs',
    keyringFile: '/home/ada/.local/share/keyturn/keyring.json',
    vaultFile: '/home/ada/.local/share/keyturn/vault.db',
    temporalDbFile: '/home/ada/.local/share/keyturn/temporal.db',
    simulatorStateFile: '/home/ada/.local/share/keyturn/simulator.json',
  });
});

test('each XDG variable moves its folder', () => {
  const paths = keyturnPaths({
    HOME: '/home/ada',
    XDG_DATA_HOME: '/data',
    XDG_CACHE_HOME: '/cache',
    XDG_CONFIG_HOME: '/config',
    XDG_STATE_HOME: '/state',
  });
  expect(paths).toMatchObject({
    dataDir: '/data/keyturn',
    cacheDir: '/cache/keyturn',
    configDir: '/config/keyturn',
    logsDir: '/state/keyturn/logs',
    vaultFile: '/data/keyturn/vault.db',
  });
});

test.each(['', 'relative/path'])('a variable that is %j counts as not set', (value) => {
  expect(keyturnPaths({ HOME: '/home/ada', XDG_DATA_HOME: value }).dataDir).toBe('/home/ada/.local/share/keyturn');
});

test('without HOME the system is asked', () => {
  expect(keyturnPaths({}).cacheDir).toBe(join(homedir(), '.cache', 'keyturn'));
});
