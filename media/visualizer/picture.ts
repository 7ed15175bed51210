// What a picture shows: values in rows and columns, and every sentence about them. `pictureView` draws it, or prints it as a table.

export interface Picture {
  id: string;
  title: string;
  /** What the values are, and what they were measured on. */
  about: string;
  /** Rows, columns and unit in a few words. */
  axes: string;
  /** `cells` are tinted, `bars` lie, `columns` stand, `map` is cells without gaps. */
  kind: 'cells' | 'bars' | 'columns' | 'map';
  rows: number;
  columns: number;
  /** Columns that belong together. */
  group?: number;
  /** What tints most, in the values' unit. */
  most: number;
  mostText: string;
  /** Null: not measured. */
  value(row: number, column: number): number | null;
  /** What a value is held against: drawn as the outline of its cell. */
  reference?(row: number, column: number): number | null;
  /** In a cell. */
  print(row: number, column: number): string;
  /** As a sentence. */
  read(row: number, column: number): string;
  rowName(row: number): string;
  columnName(column: number): string;
  /** Above the columns, where there is room; their number by default. */
  columnLabel?(column: number): string;
  /** Where the cells are too many to be printed one by one; made when somebody wants it. */
  table?(): { head: string[]; rows: string[][] };
  /** Words beside the ramp for the outline. */
  legend?: { fill: string; outline: string };
  /** Of a map: the first column and row of regions that are marked. */
  marks?: { sinks: number; window: (row: number) => number };
  /** Enter, or a click. */
  act?: { label: string; run(row: number, column: number): void };
}

/** The least of a few round numbers that holds all values: axes that do not jump. */
export function roundMost(values: Iterable<number | null>, steps = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1]): number {
  let largest = 0;
  for (const value of values) if (value !== null && value > largest) largest = value;
  return steps.find((step) => step >= largest) ?? largest;
}

/** All values of a picture by rows. */
export function* valuesOf({ rows, columns, value }: Pick<Picture, 'rows' | 'columns' | 'value'>): Generator<number | null> {
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) yield value(row, column);
}
