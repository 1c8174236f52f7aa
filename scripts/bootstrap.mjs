// Makes a checkout ready to run: installs the dependencies, Node 24 among them, when they are missing or another set
// than package-lock.json names. Silent and quick when there is nothing to do. Plain JavaScript for the Node that the
// machine has (20 or newer); everything after it runs under node_modules/.bin/node.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const WANTED_NODE = 24;
const root = fileURLToPath(new URL('..', import.meta.url));
const ownNode = `${root}node_modules/.bin/node`;

if (!isInstalled()) {
  say('Installing the dependencies, Node 24 among them (once; under a minute on most lines)');
  if (!npmInstall()) stop('npm could not install the dependencies; its reason is above.');
  const version = spawnSync(ownNode, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? 'none';
  if (!version.startsWith(`v${WANTED_NODE}.`)) {
    stop(
      `node_modules/.bin/node should be Node ${WANTED_NODE} and is ${version}. Its install script puts it there: ` +
        'check that npm may run install scripts (npm config get ignore-scripts), then: npm rebuild node',
    );
  }
  say(`✔ dependencies installed, Node ${version.slice(1)}`);
}

/** Whether npm's own record of what it installed agrees with the lock file. */
function isInstalled() {
  if (!existsSync(ownNode) || !existsSync(`${root}node_modules/.package-lock.json`)) return false;
  const wanted = packagesOf(`${root}package-lock.json`);
  const installed = packagesOf(`${root}node_modules/.package-lock.json`);
  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    if (path === '') return true;
    // What is optional may be for another platform.
    if (!installed[path]) return optional === true || devOptional === true;
    return installed[path].version === version;
  });
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}

/**
 * Not `npm ci`: that refuses a lock file without the binaries of platforms it was not made on, and empties node_modules
 * under whatever is running from it. With --no-save, `install` keeps to the lock file just the same and leaves it alone.
 */
function npmInstall() {
  // The npm that runs this, if one does: another one on PATH could be older than the lock file's format.
  const [program, ...first] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  // Node 24 is a development dependency: wanted also where NODE_ENV says production. npm's words go to standard error:
  // standard output belongs to the command that comes after.
  const args = [...first, 'install', '--no-save', '--include=dev', '--loglevel=error'];
  return spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] }).status === 0;
}

function say(text) {
  process.stderr.write(`  ${text}\n`);
}

function stop(text) {
  say(`✘ ${text}`);
  process.exit(1);
}
