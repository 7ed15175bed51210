// The visualizer's page in every state, as the checker of accessibility sees it.
import { describe, expect, it } from 'vitest';
import { checkAccessibility } from './support/accessibility.ts';
import { useBrowser } from './support/browser.ts';
import { PanelBench } from './support/panelBench.ts';
import { states } from './support/panelStates.ts';
import { sweptThemes } from './support/themes.ts';

const browser = useBrowser(PanelBench.start);

describe('the checker of accessibility finds nothing in any state', () => {
  it.each(sweptThemes)('in %s', async (theme) => {
    const view = await browser.open({ theme });
    const check = (what: string) => checkAccessibility(view, what, { all: 200, contrast: 20 });
    // The same page shows one state after the other.
    for (const [name, state] of Object.entries(states)) {
      await view.show(state);
      await check(name);
    }
    await view.show(states.map);
    for (const button of await view.page.getByRole('button', { name: /as a table$/ }).all()) await button.click();
    await view.settled();
    expect(await view.page.locator('table').count()).toBe(7);
    await check('as tables');
  });
});
