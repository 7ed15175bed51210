// What the checker of accessibility (axe-core) finds in a page, through the one call that all tests of pages use.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'vitest';
import type { PageView } from './servedPage.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Found {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  passes: { id: string; nodes: unknown[] }[];
}

/** So many elements must have passed, and passed for their contrast, or nothing was looked at. */
interface Least {
  all: number;
  contrast: number;
}

/** Finds nothing wrong with the page as it is, which `what` names. Evaluated from outside the page, where its policy does not reach. */
export async function checkAccessibility({ page }: PageView, what: string, least: Least): Promise<void> {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe);
  const { violations, passes } = (await page.evaluate('axe.run(document, { resultTypes: ["violations", "passes"] })')) as Found;
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join('; ')}`), what).toEqual([]);
  expect(passes.reduce((sum, { nodes }) => sum + nodes.length, 0), what).toBeGreaterThan(least.all);
  expect(passes.find(({ id }) => id === 'color-contrast')?.nodes.length ?? 0, what).toBeGreaterThan(least.contrast);
}
