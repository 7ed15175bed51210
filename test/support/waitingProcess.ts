// Whether another process waits for something from outside: then all its threads sleep, however slow the machine is (Linux: /proc).
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const LOOK_MS = 25;
/** Looks in a row that must find all threads asleep, and no time on a processor in between. */
const LOOKS = 20;

/** What its threads have used of the processors so far; undefined while one of them runs, wants to, or waits for the disk. */
function usedAsleep(pid: number): string | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map((id) => {
      // Behind the name in brackets: the state, and from number 11 on the time in ticks.
      const [state, ...fields] = readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
      return { state, used: fields.slice(10, 12).join(' ') };
    });
    return threads.every(({ state }) => state === 'S') ? threads.map(({ used }) => used).join() : undefined;
  } catch {
    return undefined; // a thread ended meanwhile, or all of it
  }
}

/** Calls `then` once, as soon as the child waits. */
export function whenItWaits(child: ChildProcess, then: () => void): void {
  let quiet = 0;
  let before: string | undefined;
  const poll = setInterval(() => {
    const used = usedAsleep(child.pid!);
    quiet = used !== undefined && used === before ? quiet + 1 : 0;
    before = used;
    if (quiet < LOOKS) return;
    clearInterval(poll);
    then();
  }, LOOK_MS);
  child.on('close', () => clearInterval(poll));
}
