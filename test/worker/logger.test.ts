import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const module = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));

/** What a worker's log gets of it: in a process of its own, since pino writes to the file descriptor itself. */
function logged(code: string): string {
  const program = `
    const { createLogger } = await import(${module('../../worker/logger.ts')});
    const { Secret } = await import(${module('../../secrets/secret.ts')});
    const log = createLogger('trace');
    const secret = new Secret('correct-horse-battery-staple');
    ${code}
    log.flush();
  `;
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).stdout;
}

test('a secret that reaches the log is scrubbed there, wherever it stands', () => {
  const text = logged(`
    log.info({ secret, nested: { value: secret.reveal() } }, 'said ' + secret.reveal());
    log.error({ err: new Error('failed with ' + secret.reveal()) }, 'an error');
    log.info({ encoded: Buffer.from(secret.reveal()).toString('base64') }, 'encoded');
  `);
  expect(text.trim().split('\n')).toHaveLength(3);
  expect(text).toContain('[redacted]');
  expect(text).not.toContain('battery');
  expect(text).not.toContain(Buffer.from('correct-horse-battery-staple').toString('base64').slice(4, 24));
});

test('of an error the log holds name and message, not what hangs on it', () => {
  const text = logged(`log.error({ err: Object.assign(new Error('broken'), { request: 'Bearer abc' }) }, 'an error');`);
  expect(text).toContain('broken');
  expect(text).not.toContain('Bearer');
});
