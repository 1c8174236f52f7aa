import { faults } from '../errors/faults.ts';

const kinds = {
  terminal: 'is not tried again by itself',
  transient: 'is tried again by itself',
  ambiguous: 'may or may not have happened; Keyturn finds out',
  'needs-attention': 'waits for you, and is tried again meanwhile',
};

/** `docs/errors.md`, made from the table: node scripts/generate-errors-page.ts */
export function errorsPage(): string {
  const rows = Object.entries(faults).map(([code, row]) => {
    const exit = 'exit' in row ? row.exit : 1;
    return `### ${code}\n\n${sentenceOf(row.says)}\n\n*${row.kind}*, exit code ${exit}. ${row.remedy}\n`;
  });
  const legend = Object.entries(kinds).map(([kind, means]) => `- *${kind}*: ${means}.`);
  return `# Errors\n\nEvery error has a code that does not change, a sentence and a remedy. Its kind says what happens next:\n\n${legend.join('\n')}\n\n${rows.join('\n')}`;
}

/** The sentence with the names of its blanks in it. */
function sentenceOf(says: (...args: never[]) => string): string {
  const names = /^\(([^)]*)\)/.exec(says.toString())?.[1]?.split(',') ?? [];
  const blanks = names.map((name) => blank(name.trim())) as never[];
  return says(...blanks);
}

/** Stands for a text; `known` is a list of them. */
function blank(name: string): unknown {
  if (name === 'known') return [`‹${name}›`];
  return Object.assign(new String(`‹${name}›`), { join: () => `‹${name}›` });
}
