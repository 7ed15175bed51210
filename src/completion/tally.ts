// What became of the requests: counts since the start, and the last few in full.
import type { NoneReason, Origin, RequestRecord } from './request.ts';

/** Records kept. */
const RECENT = 50;
/** Of these, the newest keep what the model saw, which is as long as a document. */
const WITH_PROMPT = 5;

export interface Counts {
  requests: number;
  /** Asked for by the user. */
  manual: number;
  returned: number;
  /** Of the returned ones, those that showed something new: not the rest of what was shown, asked for again with every key that is typed of it. */
  shown: number;
  suppressed: number;
  superseded: number;
  /** Of those that returned nothing. */
  reasons: Partial<Record<NoneReason, number>>;
  /** Of those that returned something. */
  origins: Partial<Record<Origin, number>>;
}

/** The rest of a text that was shown before. */
const isRest = ({ answer, origin }: RequestRecord): boolean => answer === 'returned' && origin === 'typedThrough';

/** Whether a person would call it an event: a new text, or the reason why there was none. */
export const isTold = (record: RequestRecord): boolean => record.answer !== 'superseded' && !isRest(record);

export class Tally {
  private readonly records: RequestRecord[] = [];
  private readonly totals: Counts = { requests: 0, manual: 0, returned: 0, shown: 0, suppressed: 0, superseded: 0, reasons: {}, origins: {} };

  add(record: RequestRecord): void {
    const { totals, records } = this;
    totals.requests++;
    totals[record.answer]++;
    if (record.answer === 'returned' && !isRest(record)) totals.shown++;
    if (record.manual) totals.manual++;
    if (record.reason !== null) totals.reasons[record.reason] = (totals.reasons[record.reason] ?? 0) + 1;
    else if (record.origin !== null) totals.origins[record.origin] = (totals.origins[record.origin] ?? 0) + 1;
    records.push(record);
    if (records.length > RECENT) records.shift();
    const old = records.length - 1 - WITH_PROMPT;
    if (old >= 0 && records[old].prompt) records[old] = { ...records[old], prompt: null };
  }

  get last(): RequestRecord | undefined {
    return this.records.at(-1);
  }

  /** The last one that came to an end of its own: returned or suppressed. */
  get answered(): RequestRecord | undefined {
    return this.records.findLast(({ answer }) => answer !== 'superseded');
  }

  /** The last one that there is something to tell of: what was shown and is typed meanwhile is no news. */
  get told(): RequestRecord | undefined {
    return this.records.findLast(isTold);
  }

  /** Oldest first. */
  get recent(): readonly RequestRecord[] {
    return this.records;
  }

  /** Since the start; a copy. */
  counts(): Counts {
    return { ...this.totals, reasons: { ...this.totals.reasons }, origins: { ...this.totals.origins } };
  }
}
