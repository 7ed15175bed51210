// The visualizer's page in every state, as the checker of accessibility sees it.
import { describe, expect, it } from 'vitest';
import { axe, useBrowser } from './support/browser.ts';
import { PanelBench, type PanelPageView } from './support/panelBench.ts';
import { states } from './support/panelStates.ts';
import { sweptThemes, type ThemeName } from './support/themes.ts';

const browser = useBrowser(PanelBench.start);

interface Found {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  passes: { id: string; nodes: unknown[] }[];
}

/** Everything, or of what colours decide. */
const rules = (theme: ThemeName) => (theme === sweptThemes[0] ? {} : { runOnly: { type: 'tag', values: ['cat.color'] } });

async function check(view: PanelPageView, theme: ThemeName, what: string): Promise<void> {
  const found = (await view.page.evaluate(`axe.run(document, ${JSON.stringify({ resultTypes: ['violations', 'passes'], ...rules(theme) })})`)) as Found;
  expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join('; ')}`), what).toEqual([]);
  expect(found.passes.find(({ id }) => id === 'color-contrast')!.nodes.length, what).toBeGreaterThan(20);
  if (theme === sweptThemes[0]) expect(found.passes.reduce((sum, { nodes }) => sum + nodes.length, 0), what).toBeGreaterThan(200);
}

/** The same page shows one state after the other. */
describe('the checker of accessibility finds nothing in any state', () => {
  it.each(sweptThemes)('in %s', async (theme) => {
    const view = await browser.open({ theme });
    await view.page.evaluate(axe);
    for (const [name, state] of Object.entries(states)) {
      await view.show(state);
      await check(view, theme, name);
    }
    await view.show(states.map);
    for (const button of await view.page.getByRole('button', { name: /as a table$/ }).all()) await button.click();
    await view.settled();
    expect(await view.page.locator('table').count()).toBe(7);
    await check(view, theme, 'as tables');
  });
});
