import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyturnPaths } from '../../config/paths.ts';

const unpacked = join(keyturnPaths(process.env).cacheDir, 'etcd');

/** etcd: on PATH, or out of Debian's package in Keyturn's cache folder. undefined: neither. */
export function findEtcd(): string | undefined {
  const cached = join(unpacked, 'usr', 'bin', 'etcd');
  return ['etcd', cached].find((program) => {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

/** Unpacks Debian's package into the cache folder; nothing is installed. @throws where there is no apt */
export function fetchEtcd(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-etcd-'));
  const apt = (...args: string[]) => execFileSync('apt-get', ['-qq', ...args], { cwd: folder, stdio: 'ignore' });
  try {
    try {
      apt('download', 'etcd-server');
    } catch {
      apt('update');
      apt('download', 'etcd-server');
    }
    const [archive = ''] = readdirSync(folder);
    execFileSync('dpkg', ['-x', join(folder, archive), unpacked]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const found = findEtcd();
  if (found === undefined || !existsSync(unpacked)) throw new Error("Debian's package holds no etcd that runs here");
  return found;
}
