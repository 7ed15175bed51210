// Runs in the window's page: records every painted frame in which the editor changed, as text and ghost text. A MutationObserver says that something
// changed, the paint sensor when it was painted.

/**
 * @typedef {object} Frame
 * @property {number} at milliseconds since the epoch
 * @property {string[]} lines the visible lines without ghost text
 * @property {number} cursor which of them holds the cursor; −1: none
 * @property {string} ghost the ghost text, its lines joined; "" when there is none
 * @property {string[]} shown the lines that ghost text touches as they look: text and ghost text
 * @property {boolean} list whether IntelliSense's list is open
 */

/** @typedef {{ firstLine: string, hidden: string, furtherLines: string, list: string }} GhostSelectors */

/** The ghost text in the focused editor. @param {GhostSelectors} selectors */
export function readGhost(selectors) {
  const editor = document.activeElement?.closest('.monaco-editor') ?? document.querySelector('.editor-instance .monaco-editor');
  if (!editor) return '';
  const text = (/** @type {Element} */ element) => (element.textContent ?? '').replaceAll('\u00a0', ' ').replaceAll('\u200c', '');
  const first = [...editor.querySelectorAll(`.view-lines ${selectors.firstLine}`)].map(text).join('');
  const further = [...editor.querySelectorAll(selectors.furtherLines)].map(text);
  return [first, ...further].join('\n').replace(/\n+$/, '');
}

/** After installPaintSensor. @param {GhostSelectors} selectors */
export function installRecorder(selectors) {
  const state = /** @type {any} */ (globalThis);
  state.deltallmRecorder?.stop();
  /** @type {Frame[]} */
  const frames = [];
  const plain = (/** @type {string} */ text) => text.replaceAll('\u00a0', ' ').replaceAll('\u200c', '');
  const text = (/** @type {Element} */ element) => plain(element.textContent ?? '');
  const top = (/** @type {Element} */ element) => parseFloat(/** @type {HTMLElement} */ (element).style.top || '0');

  const read = () => {
    const editor = document.activeElement?.closest('.monaco-editor');
    if (!editor) return undefined;
    const rows = [...editor.querySelectorAll('.lines-content > .view-lines > .view-line')].sort((a, b) => top(a) - top(b));
    const cursorTop = [...editor.querySelectorAll('.cursors-layer .cursor')].map(top)[0] ?? -1;
    const further = [...editor.querySelectorAll(selectors.furtherLines)].sort((a, b) => top(a) - top(b)).map(text);
    /** @type {string[]} */
    const shown = [];
    let ghost = '';
    let cursor = -1;
    const lines = rows.map((row, index) => {
      if (Math.abs(top(row) - cursorTop) < 2) cursor = index;
      const parts = [...row.querySelectorAll(':scope > span > span')];
      const pieces = parts.filter((part) => part.matches(selectors.firstLine));
      if (pieces.length === 0) return text(row);
      ghost += pieces.map(text).join('');
      shown.push(parts.filter((part) => !part.matches(selectors.hidden)).map(text).join(''));
      return parts.filter((part) => !part.matches(selectors.firstLine)).map(text).join('');
    });
    if (further.length > 0) {
      if (shown.length === 0 && cursor >= 0) shown.push(lines[cursor]);
      shown.push(...further);
      ghost += `\n${further.join('\n')}`;
    }
    return { at: performance.timeOrigin + performance.now(), lines, cursor, ghost, shown, list: document.querySelector(selectors.list) !== null };
  };

  let dirty = true;
  let last = '';
  const changes = new MutationObserver(() => (dirty = true));
  changes.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['class', 'style'] });
  const endSensing = state.deltallmOnPaint(() => {
    if (!dirty) return;
    dirty = false;
    const frame = read();
    if (!frame) return;
    const key = JSON.stringify([frame.lines, frame.cursor, frame.shown]);
    if (key !== last) frames.push(frame);
    last = key;
  });
  state.deltallmRecorder = {
    frames,
    stop: () => {
      endSensing();
      changes.disconnect();
    },
  };
}

/** @returns {Frame[]} */
export function takeFrames() {
  const recorder = /** @type {any} */ (globalThis).deltallmRecorder;
  recorder?.stop();
  return recorder?.frames ?? [];
}
