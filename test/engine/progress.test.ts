import { expect, test } from 'vitest';
import { printProgress } from '../../engine/progress.ts';

function output(terminal: { isTTY?: boolean; columns?: number }) {
  const written: string[] = [];
  return { ...terminal, written, write: (text: string) => written.push(text) };
}

test('a log file gets whole plain lines, and not one a second', () => {
  const log = output({});
  const progress = printProgress(log);
  progress.step('building');
  for (let second = 1; second <= 20; second++) progress.tick(`building, ${second} s`);
  progress.failed('no build');
  progress.done('downloaded');
  expect(log.written).toEqual(['  … building\n', '  – no build\n', '  ✔ downloaded\n']);
});

test('a long line never wraps on a narrow terminal, where redrawing it would leave its rests behind', () => {
  const terminal = output({ isTTY: true, columns: 40 });
  printProgress(terminal).tick('x'.repeat(200));
  const visible = terminal.written.join('').replace('\r\x1b[2K', '');
  expect(visible.length).toBeLessThan(40);
});
