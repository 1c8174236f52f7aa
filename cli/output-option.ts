import { Option } from 'commander';

export type Output = { output: 'text' | 'json' };

/** `-o json`: what every command has. The shapes are in docs/cli.md. */
export function outputOption(): Option {
  return new Option('-o, --output <form>', 'how to print the result').choices(['text', 'json']).default('text');
}

/** Also where the command line is too wrong to be parsed: its error should have the form that was asked for. */
export function asksForJson(args: readonly string[]): boolean {
  return args.some((arg, n) => {
    const value = arg === '-o' || arg === '--output' ? args[n + 1] : /^(?:-o|--output=)(.+)$/.exec(arg)?.[1];
    return value === 'json';
  });
}
