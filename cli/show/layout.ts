/** The widest line that is printed; narrower terminals wrap it themselves. */
export const width = 80;

/** Rows as columns, each as wide as its widest cell; the last is not padded. `columnGap` spaces between. */
export function table(rows: readonly (readonly string[])[], columnGap = 2): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [n, cell] of row.entries()) widths[n] = Math.max(widths[n] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, n) => (n === row.length - 1 ? cell : cell.padEnd((widths[n] ?? 0) + columnGap)))
      .join('')
      .trimEnd(),
  );
}

/** The words of `text` in lines of at most `columns`, the first of at most `first`; a longer word has its own line. */
export function wrapped(text: string, columns: number, first = columns): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      const room = lines.length === 0 ? first : columns;
      if (line !== '' && line.length + 1 + word.length > room) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines;
}

/** `label` beside the lines, which go on below each other. */
export function beside(label: string, labelColumns: number, lines: readonly string[]): string[] {
  return lines.map((line, n) => `${(n === 0 ? label : '').padEnd(labelColumns)}${line}`);
}
