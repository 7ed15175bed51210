// What the user took of what was shown, kept between windows: counts alone, on this machine.
import type { Memento } from 'vscode';
import { Habit } from '../completion/habit.ts';

const KEY = 'deltallm.habit';

export class KeptHabit {
  readonly habit: Habit;
  private isKept: boolean;

  constructor(private readonly state: Pick<Memento, 'get' | 'update'>) {
    const kept = state.get(KEY);
    this.isKept = kept !== undefined;
    this.habit = new Habit(kept);
  }

  /** The counts changed by one. Where all data was removed since, they begin with this one. */
  learned(add: () => void): void {
    if (this.isKept && this.state.get(KEY) === undefined) this.habit.clear();
    add();
    this.isKept = true;
    void this.state.update(KEY, this.habit.kept);
  }
}
