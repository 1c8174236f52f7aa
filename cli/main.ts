#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { keyturnPaths } from '../config/paths.ts';

// Stripping types and compiling is most of the start: from the second start on, a third of the time. Before the rest is
// loaded, hence the import below.
enableCompileCache(join(keyturnPaths(process.env).cacheDir, 'node'));
const { runCommandLine } = await import('./command-line.ts');
await runCommandLine();
