// Runs in the window's page: how long from a key until its character is painted, and until IntelliSense's list is.

/** After installPaintSensor. @param {{ list: string, firstLine: string }} selectors */
export function startLatency(selectors) {
  const state = /** @type {any} */ (globalThis);
  state.deltallmLatency?.stop();
  /** @type {number[]} */
  const paint = [];
  /** Times of keys whose character is not painted yet. @type {number[]} */
  const waiting = [];
  let first = NaN;
  let list = NaN;
  const characters = () => {
    const editor = document.activeElement?.closest('.monaco-editor');
    let length = 0;
    for (const row of editor?.querySelectorAll('.lines-content > .view-lines > .view-line') ?? []) {
      for (const part of row.querySelectorAll(':scope > span > span')) if (!part.matches(selectors.firstLine)) length += part.textContent?.length ?? 0;
    }
    return length;
  };
  let painted = characters();
  const hear = (/** @type {KeyboardEvent} */ event) => {
    if (event.key.length !== 1) return;
    waiting.push(event.timeStamp);
    if (Number.isNaN(first)) first = event.timeStamp;
  };
  window.addEventListener('keydown', hear, true);
  const endSensing = state.deltallmOnPaint(() => {
    const now = performance.now();
    if (Number.isNaN(list) && !Number.isNaN(first) && document.querySelector(selectors.list)) list = now - first;
    if (waiting.length === 0) return;
    const length = characters();
    for (; painted < length && waiting.length > 0; painted++) paint.push(now - Number(waiting.shift()));
    painted = length;
  });
  state.deltallmLatency = {
    result: () => ({ paint, list }),
    stop: () => {
      endSensing();
      window.removeEventListener('keydown', hear, true);
    },
  };
}

/** @returns {{ paint: number[], list: number }} */
export function takeLatency() {
  const latency = /** @type {any} */ (globalThis).deltallmLatency;
  latency.stop();
  return latency.result();
}
