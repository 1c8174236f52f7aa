import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keyturnPaths } from '../../config/paths.ts';
import { canRun } from '../../engine/executable.ts';
import { fetchOnce } from '../../engine/fetch-once.ts';
import { printProgress } from '../../engine/progress.ts';
import { runProgram } from '../../engine/run-program.ts';

const version = '1.36.3';
const name = `kube-apiserver-${version}`;
const { cacheDir } = keyturnPaths(process.env);
const built = join(cacheDir, name);
const progress = printProgress(process.stderr);

const main = `package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
`;

export function isApiserverBuilt(): boolean {
  return canRun(built);
}

/**
 * Path of kube-apiserver in Keyturn's cache folder. Go builds it from its module proxy, once: three to fifteen minutes on
 * two cores, 110 MB, and 2 GB of Go's own caches.
 *
 * @throws Error with a sentence for a person
 */
export async function buildApiserver(): Promise<string> {
  await mkdir(cacheDir, { recursive: true });
  return fetchOnce(name, { cacheDir, progress }, async (folder) => {
    if (canRun(built)) return built;
    progress.step(`Building kube-apiserver ${version} with Go (once; some minutes)`);
    await writeFile(join(folder, 'main.go'), main);
    await writeFile(join(folder, 'go.mod'), await moduleOf(folder));
    await go(['mod', 'tidy'], folder);
    await go(['build', '-ldflags=-s -w', '-o', name, '.'], folder);
    await rename(join(folder, name), built);
    progress.done(`kube-apiserver ${version}`);
    return built;
  });
}

/** Kubernetes replaces its own libraries by folders of its repository, which a module that requires it has to say anew. */
async function moduleOf(folder: string): Promise<string> {
  await writeFile(join(folder, 'go.mod'), 'module apiserver\n');
  const found = await go(['mod', 'download', '-json', `k8s.io/kubernetes@v${version}`], folder);
  const theirs = await readFile(/"GoMod": "([^"]+)"/.exec(found)?.[1] ?? '', 'utf8');
  const staging = [...theirs.matchAll(/(k8s\.io\/[\w-]+) => \.\/staging/g)].map(([, library]) => library);
  const needs = /^go .*$/m.exec(theirs)?.[0] ?? 'go 1.26.0';
  const replaced = staging.map((library) => `\t${library} => ${library} ${version.replace('1.', 'v0.')}`);
  const required = `require k8s.io/kubernetes v${version}`;
  return `module apiserver\n\n${needs}\n\n${required}\n\nreplace (\n${replaced.join('\n')}\n)\n`;
}

async function go(args: string[], cwd: string): Promise<string> {
  const { output, problem } = await runProgram('go', args, { env: process.env, cwd, timeoutMs: 40 * 60_000 });
  if (problem !== undefined) throw new Error(problem === 'not found' ? 'Go is not on PATH' : problem);
  return output;
}
