// The visualizer's page in every state, as the checker of accessibility sees it.
import { describe, expect, it } from 'vitest';
import { axe, useBrowser } from './support/browser.ts';
import { PanelBench } from './support/panelBench.ts';
import { states } from './support/panelStates.ts';
import { sweptThemes, type ThemeName } from './support/themes.ts';

const browser = useBrowser(PanelBench.start);

async function opened(name: string, theme: ThemeName) {
  const view = await browser.open({ theme });
  await view.show(states[name]);
  return view;
}

interface Found {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  passes: { id: string; nodes: unknown[] }[];
}

describe.each(sweptThemes)('the checker of accessibility, in %s', (theme) => {
  it.each(Object.keys(states))('finds nothing: %s', async (name) => {
    const view = await opened(name, theme);
    await view.page.evaluate(axe);
    const found = (await view.page.evaluate('axe.run(document, { resultTypes: ["violations", "passes"] })')) as Found;
    expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join('; ')}`)).toEqual([]);
    expect(found.passes.reduce((sum, { nodes }) => sum + nodes.length, 0)).toBeGreaterThan(200);
    expect(found.passes.find(({ id }) => id === 'color-contrast')!.nodes.length).toBeGreaterThan(20);
  });
});

describe('as tables', () => {
  it.each(sweptThemes)('the checker finds nothing either, in %s', async (theme) => {
    const view = await opened('map', theme);
    for (const button of await view.page.getByRole('button', { name: /as a table$/ }).all()) await button.click();
    await view.settled();
    await view.page.evaluate(axe);
    const found = (await view.page.evaluate('axe.run(document, { resultTypes: ["violations", "passes"] })')) as Found;
    expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join('; ')}`)).toEqual([]);
    expect(await view.page.locator('table').count()).toBe(7);
  });
});

