// The real clock.
import type { Clock } from '../completion/source.ts';

export const clock: Clock = {
  now: () => performance.now(),
  wait(ms, then) {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};
