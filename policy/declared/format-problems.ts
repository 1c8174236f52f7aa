import type { Problem } from './policy-file.ts';

const width = 80;

/**
 * Problems as lines for a person, at most 80 columns wide:
 * `checkout.yaml:4  schedule.at  "24:00" is not a time of day; midnight is "00:00"`.
 * What does not fit goes on, indented, with what is allowed on a line of its own.
 */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(oneProblem).join('\n');
}

function oneProblem({ file, line, path, wrong, allowed }: Problem): string {
  const start = [`${file}:${line}`, path, wrong].filter((part) => part !== '').join('  ');
  const whole = `${start}; ${allowed}`;
  return whole.length <= width ? whole : [...wrapped(`${start};`, ''), ...wrapped(allowed, '    ')].join('\n');
}

function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/(?<=\S) (?=\S)/)) {
    const longer = line.trim() === '' ? `${line}${word}` : `${line} ${word}`;
    if (longer.length <= width || line.trim() === '') {
      line = longer;
    } else {
      lines.push(line);
      line = `    ${word}`;
    }
  }
  return [...lines, line];
}
