import { defineConfig } from 'vitest/config';

const minute = 60_000;

/** Every store on its engine: `npm run test:stores`. What is missing is fetched first (test/stores/engines.ts). */
export default defineConfig({
  test: {
    include: ['test/stores/**/*.test.ts', 'test/**/*.engine.test.ts'],
    globalSetup: ['test/engines.ts', 'test/stores/engines.ts'],
    reporters: ['default', './test/stores/table-reporter.ts', './test/closing-line.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: minute,
    hookTimeout: 5 * minute,
  },
});
