import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Of stores behind a heavy engine this run has the conformance suite, where the engine is at hand: the hazards of each
    // take minutes more (npm run test:stores).
    exclude: ['node_modules', 'test/**/!(conformance).engine.test.ts'],
    globalSetup: ['test/engines.ts'],
    reporters: ['default', './test/closing-line.ts'],
    // Temporal's native core keeps threads and state of its own in a process: one process a test file, nothing shared.
    pool: 'forks',
    maxWorkers: 2,
    // Tests start real servers on machines of two cores. A slow test is not a broken one; a hanging one is.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
