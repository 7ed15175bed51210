// Runs in the window's page: tells when a frame has been painted. For others that run there, which cannot import: evaluate this first.

/** Makes `globalThis.deltallmOnPaint(listener)`: calls it at the end of every frame, after all that draws, until the function it returns is called. */
export function installPaintSensor() {
  /** @type {any} */ (globalThis).deltallmOnPaint = (/** @type {() => void} */ listener) => {
    // A ResizeObserver is called last in a frame in which something changed size: so this does, in every one.
    const sensor = document.createElement('div');
    sensor.style.cssText = 'position:fixed;left:-99px;top:0;width:1px;height:1px;contain:strict';
    document.documentElement.append(sensor);
    const observer = new ResizeObserver(listener);
    observer.observe(sensor);
    let wide = false;
    let request = 0;
    const tick = () => {
      wide = !wide;
      sensor.style.width = wide ? '2px' : '1px';
      request = requestAnimationFrame(tick);
    };
    tick();
    return () => {
      cancelAnimationFrame(request);
      observer.disconnect();
      sensor.remove();
    };
  };
}
