import { defineConfig } from 'vitest/config';

const minute = 60_000;

export default defineConfig({
  test: {
    include: ['test/production/**/*.spec.ts'],
    reporters: ['default', './test/closing-line.ts'],
    pool: 'forks',
    // One after the other: both want the machine for themselves, and may build programs for minutes.
    maxWorkers: 1,
    testTimeout: 5 * minute,
    hookTimeout: 45 * minute,
    bail: 1,
    // What is being done is shown as it is done.
    disableConsoleIntercept: true,
  },
});
