/** One measured figure with what it should be. `id` is what scripts go by: it keeps its meaning. */
export type Figure = {
  id: string;
  /** What a person reads; at most 43 characters, so that the table fits 80 columns. */
  name: string;
  value: number;
  unit: string;
  /** null: measured to be seen, nothing is promised. */
  budget: { atLeast: number } | { atMost: number } | null;
};

const columns = { name: 44, measured: 16, budget: 14 };

/** One line a figure: what, measured, budget, `ok` or `OVER`. */
export function printTable(figures: readonly Figure[]): void {
  console.log(row('figure', 'measured', 'budget', ''));
  console.log('-'.repeat(80));
  for (const figure of figures) {
    const { name, value, unit } = figure;
    console.log(row(name, `${shown(value)} ${unit}`.trim(), budgetOf(figure), verdictOf(figure) ?? ''));
  }
}

/** The same for scripts, one figure a line, in a shape that stays: `verdict` is null where there is no budget. */
export function printJson(figures: readonly Figure[]): void {
  const rows = figures.map((figure) => {
    return JSON.stringify({ ...figure, value: Number(figure.value.toPrecision(4)), verdict: verdictOf(figure) });
  });
  console.log(`{"measuredAt":"${new Date().toISOString()}","figures":[\n${rows.join(',\n')}\n]}`);
}

/** The middle one, or the upper of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function row(name: string, measured: string, budget: string, verdict: string): string {
  const cells = [name.padEnd(columns.name), measured.padStart(columns.measured), budget.padStart(columns.budget)];
  return `${cells.join('')}  ${verdict}`.trimEnd();
}

function budgetOf({ budget, unit }: Figure): string {
  if (budget === null) return '';
  return 'atLeast' in budget ? `≥ ${shown(budget.atLeast)} ${unit}`.trim() : `≤ ${shown(budget.atMost)} ${unit}`.trim();
}

function verdictOf({ budget, value }: Figure): 'ok' | 'OVER' | null {
  if (budget === null) return null;
  return ('atLeast' in budget ? value >= budget.atLeast : value <= budget.atMost) ? 'ok' : 'OVER';
}

function shown(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}
