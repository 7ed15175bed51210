// The visualizer as a user has it: reads what its page shows and presses what is in it.

/** A model may have to be measured and loaded first, beside other work. */
const MEASURE_MS = 300_000;
const PAGE_MS = 300_000;

export class VisualizerPanel {
  /** @param {import('./editorWindow.mjs').EditorWindow} window */
  constructor(window) {
    this.window = window;
    /** @type {import('playwright-core').Frame | undefined} */
    this.frame = undefined;
  }

  /** Its page among those of all webviews. */
  async find() {
    this.frame = undefined;
    await this.window.until(async () => {
      for (const frame of this.window.page.frames()) {
        if (frame.isDetached()) continue;
        if (await frame.locator('#visualizer .page').count().catch(() => 0)) this.frame = frame;
      }
      return this.frame !== undefined && !this.frame.isDetached();
    }, 'the page of the visualizer', PAGE_MS);
    return this.page;
  }

  async open() {
    await this.window.command('DeltaLLM: Open Sparsity Visualizer');
    await this.find();
  }

  get page() {
    return /** @type {import('playwright-core').Frame} */ (this.frame).locator('#visualizer');
  }

  /** Everything that stands in the page, with plain blanks. */
  async text() {
    return (await this.page.innerText()).replace(/[\u00a0\u202f]/g, ' ');
  }

  async headline() {
    return (await this.page.locator('h1').innerText()).replace(/[\u00a0\u202f]/g, ' ');
  }

  /** @param {string} name */
  async press(name) {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  /** Until nothing is measured any more. */
  async idle() {
    await this.window.until(async () => (await this.page.locator('.busy').count()) === 0, 'the measurement ends', MEASURE_MS);
  }

  /** Measures the file of the editor and waits for it. */
  async measure() {
    await this.press('Measure this file');
    await this.page.locator('.busy').waitFor();
    await this.idle();
  }
}
