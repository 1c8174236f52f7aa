import type { Reporter, TestModule } from 'vitest/node';
import { storesTable } from '../../scripts/stores-table.ts';

const suite = / keeps the promises of a store$/;

/** Prints what each store promises, and how many tests of the conformance suite it passed: the table of docs/stores.md. */
export default class TableReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const suites = modules.flatMap((module) => [...module.children.allSuites()]).filter(({ name }) => suite.test(name));
    const rows = suites.map((one) => {
      const states = [...one.children.allTests()].map((test) => test.result().state);
      const passed = states.filter((state) => state === 'passed').length;
      const failed = states.filter((state) => state === 'failed').length;
      return `  ${one.name.replace(suite, '').padEnd(52)} ${passed} passed, ${failed} failed`;
    });
    process.once('exit', () => {
      console.log(`\n${storesTable()}\nThe conformance suite:\n${rows.sort().join('\n')}`);
    });
  }
}
