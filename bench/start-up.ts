import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Figure, median } from './table.ts';
import { tempFolder } from './temp-folder.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const mainFile = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const helpRuns = 10;
const readyTimeoutMs = 120_000;

/** How long a person waits: for the first keys after `npm start`, and for any command to begin. */
export async function startUp(temporalCli: string): Promise<Figure[]> {
  const { firstKey, ready } = await npmStart(temporalCli);
  const { help, bare } = helpTime();
  return [
    { id: 'start.firstKeySeconds', name: 'npm start to the first key', value: firstKey, unit: 's', budget: null },
    { id: 'start.rotatedSeconds', name: 'npm start to a rotated key', value: ready, unit: 's', budget: null },
    { id: 'start.helpMs', name: 'keyturn --help', value: help, unit: 'ms', budget: { atMost: 150 } },
    { id: 'start.nodeMs', name: 'node, doing nothing', value: bare, unit: 'ms', budget: null },
  ];
}

/** Everything fresh but the engine, which is fetched once in a machine's life. Seconds. */
async function npmStart(temporalCli: string): Promise<{ firstKey: number; ready: number }> {
  const started = performance.now();
  const env = { ...freshEnvironment(), KEYTURN_TEMPORAL_CLI: temporalCli };
  const ports = ['--port', '0', '--ui-port', '0', '--simulator-port', '0'];
  // In a process group of its own, which is what Ctrl-C in a terminal reaches.
  const npm = spawn('npm', ['start', '--', ...ports], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const group = -(npm.pid as number);
  const kill = () => process.kill(group, 'SIGKILL');
  process.once('exit', kill);
  const late = setTimeout(kill, readyTimeoutMs);
  try {
    const since = () => (performance.now() - started) / 1000;
    let firstKey: number | undefined;
    for await (const line of createInterface({ input: npm.stdout })) {
      if (line.includes('published')) firstKey ??= since();
      if (line.startsWith('Keyturn is ready') && firstKey !== undefined) return { firstKey, ready: since() };
    }
    throw new Error(`npm start was not ready within ${readyTimeoutMs / 1000} s`);
  } finally {
    const ended = once(npm, 'exit');
    process.kill(group, 'SIGINT');
    npm.stdout.resume();
    await ended;
    clearTimeout(late);
    process.off('exit', kill);
  }
}

/** Medians, taken in turns; milliseconds. From the second start on, as the first one fills the compile cache. */
function helpTime(): { help: number; bare: number } {
  const env = freshEnvironment();
  const took = (...args: string[]) => {
    const started = performance.now();
    const { status } = spawnSync(process.execPath, args, { env });
    if (status !== 0) throw new Error(`node ${args.join(' ')} exited with ${status}`);
    return performance.now() - started;
  };
  took(mainFile, '--help');
  const times = Array.from({ length: helpRuns }, () => ({ help: took(mainFile, '--help'), bare: took('-e', '0') }));
  return { help: median(times.map(({ help }) => help)), bare: median(times.map(({ bare }) => bare)) };
}

/** This one without what would lead Keyturn or Temporal elsewhere. */
function freshEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(KEYTURN|TEMPORAL|XDG|npm)_/i.test(name));
  const folder = tempFolder();
  const xdg = ['DATA', 'CONFIG', 'STATE', 'CACHE'].map((name) => [`XDG_${name}_HOME`, `${folder}/${name}`]);
  return { ...Object.fromEntries(kept), ...Object.fromEntries(xdg) };
}
