// One browser for the tests of a file, and why they are skipped where there is none.
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { missing, type PageView } from './servedPage.ts';

interface Bench<Options, View> {
  open(options?: Options): Promise<View>;
  readonly strays: string[];
  close(): Promise<void>;
}

/** Every view that a test opens is closed after it, and must have had nothing to complain of. */
export function useBrowser<Options, View extends PageView, B extends Bench<Options, View>>(start: () => Promise<B & Bench<Options, View>>): { open(options?: Options): Promise<View>; readonly bench: B } {
  let bench: B;
  const views: View[] = [];
  beforeAll(async () => {
    if (!missing) bench = await start();
  });
  beforeEach((context) => context.skip(missing !== undefined, missing));
  afterEach(async () => {
    for (const view of views.splice(0)) {
      expect(view.errors).toEqual([]);
      expect(await view.violations()).toEqual([]);
      await view.close();
    }
    if (bench) expect(bench.strays.splice(0).filter((path) => path !== '/favicon.ico')).toEqual([]);
  });
  afterAll(async () => bench?.close());
  return {
    get bench() {
      return bench;
    },
    async open(options) {
      const view = await bench.open(options);
      views.push(view);
      return view;
    },
  };
}
