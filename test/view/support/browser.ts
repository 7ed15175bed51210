// One browser for the tests of a file, and why they are skipped where there is none.
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { ChatBench, missing, type BenchOptions, type ChatView } from './chatBench.ts';

/** Every view that a test opens is closed after it, and must have had nothing to complain of. */
export function useBrowser(): { open(options?: BenchOptions): Promise<ChatView>; readonly bench: ChatBench } {
  let bench: ChatBench;
  const views: ChatView[] = [];
  beforeAll(async () => {
    if (!missing) bench = await ChatBench.start();
  }, 120_000);
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
