// Runs in the window's page: how long from a key until its character is painted, and until IntelliSense's list is.

/** @param {{ list: string, firstLine: string }} selectors */
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
  // Called at the end of a frame in which something changed size, after all that draws.
  const sensor = document.createElement('div');
  sensor.style.cssText = 'position:fixed;left:-99px;top:0;width:1px;height:1px;contain:strict';
  document.documentElement.append(sensor);
  const observer = new ResizeObserver(() => {
    const now = performance.now();
    if (Number.isNaN(list) && !Number.isNaN(first) && document.querySelector(selectors.list)) list = now - first;
    if (waiting.length === 0) return;
    const length = characters();
    for (; painted < length && waiting.length > 0; painted++) paint.push(now - Number(waiting.shift()));
    painted = length;
  });
  observer.observe(sensor);
  let wide = false;
  let request = 0;
  const tick = () => {
    wide = !wide;
    sensor.style.width = wide ? '2px' : '1px';
    request = requestAnimationFrame(tick);
  };
  tick();
  state.deltallmLatency = {
    result: () => ({ paint, list }),
    stop: () => {
      cancelAnimationFrame(request);
      observer.disconnect();
      sensor.remove();
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
