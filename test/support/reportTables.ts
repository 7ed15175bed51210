// A report of a study: tables in Markdown, a blank line around each.
import { expect } from 'vitest';

/** It has so many tables, whose rows have as many cells as their heads, and no figure that is none. */
export function checkTables(text: string, count: number): void {
  const tables = text.split('\n\n').filter((part) => part.startsWith('|'));
  expect(tables).toHaveLength(count);
  for (const table of tables) {
    const cells = table.split('\n').map((line) => line.split('|').length);
    expect(new Set(cells).size).toBe(1);
    expect(cells.length).toBeGreaterThan(2);
  }
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
}
