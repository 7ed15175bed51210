// The real clock.
import type { Clock } from '../completion/source.ts';

export const clock: Clock = {
  now: () => performance.now(),
  wait(ms, then) {
    // Node's timers count whole milliseconds and may be early by a part of one.
    const timer = setTimeout(then, Math.ceil(ms) + 1);
    return () => clearTimeout(timer);
  },
};
