/**
 * Bundles the workflow code into a file and ends: make-bundle FILE [WORKFLOWS]. A program of its own, because the bundler
 * takes 200 MB that a worker would keep: the build runs it for the package, and a checkout where it has no bundle yet.
 */
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { failureConverterPath, payloadConverterPath } from '../codec/data-converter.ts';

if (import.meta.main) {
  const [file = '', workflowsPath] = process.argv.slice(2);
  const { code } = await makeBundle(workflowsPath);
  // Whole or not there: whoever is interrupted here leaves no half bundle.
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, code);
  await rename(unfinished, file);
}

/**
 * The workflow code, bundled. `workflowsPath`: default ours, from the sources or from the built package; a benchmark adds
 * its own workflows.
 *
 * The modules are loaded once a worker and not once a policy: half of the heap of a policy that sleeps. Policies then
 * share what stands at the top of a module, so workflow code keeps nothing there that changes.
 */
export async function makeBundle(workflowsPath = workflowFile('index')): Promise<{ code: string }> {
  const interceptors = workflowFile('reserved-names');
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} };
  return bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules: [interceptors],
    preloadModules: [workflowsPath, interceptors],
    failureConverterPath: failureConverterPath(),
    payloadConverterPath: payloadConverterPath(),
    logger: silent,
    webpackConfigHook: (config) => ({
      ...config,
      // Modules are named as seen from Keyturn's folder, wherever this process was started: a package does not tell
      // where it was built.
      context: posix.dirname(posix.dirname(workflowsPath)),
      output: { ...config.output, pathinfo: false, devtoolModuleFilenameTemplate: '[resource-path]' },
      // For stack traces. The sources themselves would be kept twice by each worker.
      devtool: 'inline-nosources-source-map',
    }),
  });
}

function workflowFile(name: string): string {
  const source = fileURLToPath(new URL(`../workflows/${name}.ts`, import.meta.url));
  return existsSync(source) ? source : source.replace(/\.ts$/, '.js');
}
