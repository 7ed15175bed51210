// The extension's own page in VS Code, made of the packaged README: no picture is broken and every link leads somewhere.

import { check } from './checks.mjs';

const PAGE_MS = 300_000;

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window @param {string} [pictures] a folder for a screenshot */
export async function extensionPage(session, window, pictures) {
  await window.execute('workbench.extensions.search', '@installed deltallm');
  await window.page.locator(window.selectors.installedExtension, { hasText: 'DeltaLLM' }).first().click();
  /** @type {import('playwright-core').Frame | undefined} */
  let frame;
  await window.until(async () => {
    for (const other of window.page.frames()) if (await other.locator('h1', { hasText: 'DeltaLLM for VS Code' }).count().catch(() => 0)) frame = other;
    return frame !== undefined;
  }, 'the page of the extension', PAGE_MS);
  const page = /** @type {import('playwright-core').Frame} */ (frame);
  const found = await page.evaluate(async () => {
    const images = [...document.images];
    await Promise.all(images.map((image) => image.decode().catch(() => {})));
    const anchors = [...document.querySelectorAll('a[href]:not([href="#"])')].map((link) => link.getAttribute('href') ?? ''); // '#' is VS Code's own, to the top
    return {
      images: images.length,
      broken: images.filter(({ naturalWidth }) => naturalWidth === 0).map(({ alt, src }) => `${alt}: ${src.slice(0, 80)}`),
      anchors: anchors.length,
      dead: anchors.filter((href) => !/^https:/.test(href) && !(href.startsWith('#') && document.getElementById(decodeURIComponent(href.slice(1))))),
    };
  });
  if (pictures) await window.page.screenshot({ path: `${pictures}/extension-page.png` });
  check(found.broken.length === 0, `extension page: no picture is broken (${found.images} are shown)`, found.broken);
  check(found.anchors > 0 && found.dead.length === 0, `extension page: all ${found.anchors} links lead to a chapter of the page or to the web`, found.dead);
  const link = page.locator('a[href^="#"]:not([href="#"])').first();
  await link.click();
  const target = await link.getAttribute('href');
  const heading = page.locator(`[id="${target?.slice(1)}"]`);
  await window.until(() => heading.evaluate((element) => element.getBoundingClientRect().top >= 0 && element.getBoundingClientRect().top < innerHeight), `the chapter ${target}`, PAGE_MS);
  check(true, `extension page: a click on a link shows its chapter (${target})`);
  await window.closeEditors();
}
