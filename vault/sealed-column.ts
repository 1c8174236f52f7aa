type Row = Record<string, unknown>;

/** A column of the vault that holds sealed values. Who seals into a column exports it, so that all of them are known. */
export type SealedColumn = {
  table: string;
  column: string;
  /** The additional data that the value of a row is sealed with. */
  context(row: Row): string;
  /** What the row is, for a person. */
  named(row: Row): string;
};
