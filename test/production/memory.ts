import { readdirSync, readFileSync } from 'node:fs';

const everyMs = 1_000;

/**
 * The most memory that each group of processes had at one time, in MB: the proportional set size of a process and its
 * children, asked once a second. Linux only; elsewhere 0.
 *
 * @param groups names, each with the process ids of the moment
 */
export function watchMemory(groups: Record<string, () => number[]>): { peaksMb(): Record<string, number> } {
  const peaks = Object.fromEntries(Object.keys(groups).map((name) => [name, 0]));
  const look = () => {
    const parents = parentsOfAll();
    for (const [name, pids] of Object.entries(groups)) {
      const roots = pids();
      const members = [...parents.keys()].filter((pid) => descends(pid, roots, parents));
      const kb = members.reduce((sum, pid) => sum + proportionalKb(pid), 0);
      peaks[name] = Math.max(peaks[name] ?? 0, Math.round(kb / 1024));
    }
  };
  setInterval(look, everyMs).unref();
  return { peaksMb: () => peaks };
}

function descends(pid: number, roots: number[], parents: Map<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined; at = parents.get(at)) if (roots.includes(at)) return true;
  return false;
}

function parentsOfAll(): Map<number, number> {
  const pids = listing('/proc').filter((name) => /^\d+$/.test(name));
  return new Map(pids.map((pid) => [Number(pid), Number(/^PPid:\s+(\d+)/m.exec(content(`/proc/${pid}/status`))?.[1])]));
}

function proportionalKb(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(content(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

function listing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A process may be gone by the time it is asked. */
function content(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
