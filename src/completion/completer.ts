// From requests to ghost text: what was shown and still fits, the generation that runs, what is remembered, else a new generation. One at a time.
import type { CancelFlag } from '../shared/cancel.ts';
import { asDeltaError, type DeltaError } from '../shared/errors.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import type { CursorRequest, Event, GenerateOptions, GenerateResult } from '../session/protocol.ts';
import { degenerate } from './degenerate.ts';
import { among, isInvented, isOnlyPath } from './existing.ts';
import { judge, type Eagerness, type Judgement } from './gate.ts';
import { Generation } from './generation.ts';
import { kindOf, type Habit } from './habit.ts';
import type { Insertion } from './insertion.ts';
import { NextStep } from './nextStep.ts';
import { plan, promisesBlock, suffixTokens, type Plan } from './latency.ts';
import type { Answer, CompletionRequest, NoneReason, Origin, RequestRecord, Suggestion } from './request.ts';
import { Rhythm } from './rhythm.ts';
import { Rejections } from './rejections.ts';
import { restOf, ShownTexts, type Shown } from './shown.ts';
import type { Clock, TextSource } from './source.ts';
import { Suggestions } from './suggestions.ts';
import { TypedRun, type Change } from './typedRun.ts';
import { addFacts, Waiting, type Abandoned, type Outcome } from './waiting.ts';
import { pointless } from './worth.ts';
import { factsOf, leftOf, type Facts, type Written } from './written.ts';

export interface CompleterSettings {
  latencyMs: number;
  maxTokens: number;
  /** Tokens of a prompt at most, where most of it is known. */
  promptTokens: number;
  eagerness: Eagerness;
  /** Whether the text behind the one that is shown is written ahead. Default: no. */
  nextAhead?: boolean;
}

export interface CompleterHost {
  settings(): CompleterSettings;
  /** Called once for every request, when everything is known about it: with its answer, or when the generation that it came from has ended. */
  record(record: RequestRecord): void;
  /** Writes a text for which nobody waits, behind everybody who does; null where it could not. Absent: nothing is written ahead. */
  writeAhead?: (options: GenerateOptions, hear: (event: Event) => void, cancel: CancelFlag) => Promise<GenerateResult | null>;
  /** What the user took so far, and where one more of it is written down. */
  habit?: { habit: Habit; learned(add: () => void): void };
  /** What is shown for this document became a longer text: show that in its place (once per suggestion). `manual`: it was shown because the user asked. */
  longer(document: string, suggestion: Suggestion, manual: boolean): void;
  /** A text is ready that nobody waited for to the end: ask the provider again (once per suggestion). */
  late(document: string, suggestion: Suggestion): void;
}

/** What the gate says of a text at a place, judged once: why it is not shown (null: it is), and how sure it is. */
interface Verdict {
  reason: NoneReason | null;
  confidence: Judgement | null;
}

export class Completer {
  /** Until its promise is settled, also when it is cancelled. */
  private running: Generation | null = null;
  /** The request that the next generation is for: in its pause, or waiting for the former generation to end. */
  private next: { waiting: Waiting; ready: boolean } | null = null;
  private readonly shown = new ShownTexts();
  private readonly suggestions = new Suggestions();
  private readonly rejections = new Rejections();
  private readonly rhythm = new Rhythm();
  private readonly typed = new TypedRun();
  private readonly ahead: NextStep;
  private generations = 0;
  /** Of the last prompt, at most. */
  private promptTokens: number | undefined;
  private disposed = false;

  constructor(
    private readonly source: TextSource,
    private readonly clock: Clock,
    private readonly host: CompleterHost,
  ) {
    this.ahead = new NextStep(clock, (generation) => this.writeAhead(generation), () => ++this.generations);
  }

  /** Never rejects. `abandoned`: nobody waits any more; a generation that runs may go on for the next request. */
  complete(request: CompletionRequest, abandoned: Abandoned): Promise<Answer> {
    const waiting = new Waiting(request, this.clock, this.host.settings().latencyMs);
    if (this.disposed || abandoned.isSet) this.silent(waiting, 'cancelled');
    else {
      this.receive(waiting);
      if (!waiting.isOver) waiting.follow(abandoned, () => this.abandon(waiting));
    }
    return waiting.answer;
  }

  /** The document changed. What disagrees with the running generation cancels it at once. */
  edited(document: string, change: Change): void {
    this.rhythm.key(this.clock.now());
    this.typed.edited(document, change);
    this.ahead.edited(document, change);
    if (this.next?.waiting.request.document === document) this.drop('superseded');
    const { running } = this;
    if (!running || running.cancel.isSet || running.document !== document) return;
    for (const waiting of running.waiting.keys()) waiting.isStale = true;
    if (!running.edited(change)) this.stop(running, 'superseded');
  }

  /** The cursor left, the document closed: the running generation is for nobody. Without a document: also what is remembered is worth nothing now. */
  forget(document?: string): void {
    const meant = (request: CompletionRequest): boolean => document === undefined || request.document === document;
    if (this.next && meant(this.next.waiting.request)) this.drop('cancelled');
    if (this.running && meant(this.running.request)) this.stop(this.running, 'cancelled');
    this.ahead.drop();
    if (document !== undefined) return;
    this.shown.clear();
    this.suggestions.clear();
    this.rejections.clear();
  }

  /** The document that a generation runs or is about to begin for; null when nobody wants one. */
  get busyWith(): string | null {
    const { running, next } = this;
    if (next) return next.waiting.request.document;
    return running && !running.cancel.isSet ? running.document : null;
  }

  dispose(): void {
    this.forget();
    this.disposed = true;
    for (const record of this.running?.records.splice(0) ?? []) this.host.record(record);
  }

  private receive(waiting: Waiting): void {
    const { request } = waiting;
    this.drop('superseded');
    const inserted = this.running?.inserted(request) ?? null;
    if (this.running && !inserted) this.stop(this.running, 'superseded');
    if (this.showAgain(waiting)) return;
    if (this.running && inserted && !this.running.cancel.isSet) return this.attach(this.running, waiting, inserted);
    if (this.takeAhead(waiting) || this.recall(waiting)) return;
    this.ahead.drop();
    const reason = request.manual ? null : pointless(request.snapshot);
    if (reason) return this.silent(waiting, reason);
    if (request.manual) return this.queue(waiting);
    this.next = { waiting, ready: false };
    waiting.pause(this.rhythm.pause(this.source.speed), () => this.queue(waiting));
  }

  /** What was last shown still goes with the document. */
  private showAgain(waiting: Waiting): boolean {
    const { request } = waiting;
    let shown = this.shown.get(request.document);
    if (!shown) return false;
    const { running } = this;
    const growing = running && running.id === shown.written.id && !running.cancel.isSet ? running : null;
    if (growing && extendsText(growing.early, shown.written.text) && !degenerate(growing.early, growing.snapshot)) {
      shown = { ...shown, written: { ...shown.written, text: growing.early } };
    }
    const rest = restOf(shown, request, this.typed.startIn(request.document));
    if (!rest) return false;
    this.show(waiting, shown, rest, this.verdict(rest, request), 'typedThrough', growing);
    return true;
  }

  /** What is being written ahead is what this request asks for: it answers it, as if it had been begun for it. */
  private takeAhead(waiting: Waiting): boolean {
    const generation = this.running ? null : this.ahead.take(waiting.request);
    if (!generation) return false;
    waiting.ready();
    waiting.started();
    generation.cancel.urge();
    this.running = generation;
    this.attach(generation, waiting, { left: '', right: '', deleted: '' });
    return true;
  }

  /** The same was asked before. */
  private recall(waiting: Waiting): boolean {
    const { request } = waiting;
    const verdicts = new Map<Written, Verdict>();
    const verdictOn = (written: Written): Verdict => verdicts.get(written) ?? verdicts.set(written, this.verdict(written, request)).get(written)!;
    const found = this.suggestions.find(request.document, request.snapshot, (written) => verdictOn(written).reason === null);
    if (!found) return false;
    const { written } = found;
    const verdict = verdictOn(written);
    // Its own snapshot is not kept: what is left of it belongs to this place from here on.
    if (verdict.reason === null) this.show(waiting, { origin: request, answered: request, written }, written, verdict, 'cache', null);
    else this.silent(waiting, verdict.reason, { confidence: verdict.confidence, text: written.text, origin: 'cache' }, written.facts);
    return true;
  }

  /** The pause is over: the next generation is this request's, unless the document is another by now. */
  private queue(waiting: Waiting): void {
    if (waiting.isStale) return this.silent(waiting, 'superseded');
    waiting.ready();
    this.next = { waiting, ready: true };
    if (!this.running && !this.ahead.running) this.start(waiting);
    else this.ahead.drop();
  }

  private start(waiting: Waiting): void {
    this.next = null;
    waiting.started();
    const generation = new Generation(++this.generations, waiting.request);
    this.running = generation;
    this.attach(generation, waiting, { left: '', right: '', deleted: '' });
    void this.run(generation, waiting.request.manual);
  }

  private async run(generation: Generation, manual: boolean): Promise<void> {
    let result: GenerateResult | null = null;
    let failure: DeltaError | null = null;
    try {
      result = await this.source.generate(this.optionsOf(generation, manual), (event) => this.heard(generation, event), generation.cancel);
    } catch (thrown) {
      failure = asDeltaError(thrown);
    }
    this.over(generation, result, failure);
  }

  /** Writes what would follow a text that is shown, as a cold request there would be answered. */
  private async writeAhead(generation: Generation): Promise<void> {
    const { neighbours, ...options } = this.optionsOf(generation, false);
    // The worker has the set's texts, from the request whose answer is shown.
    const named = neighbours && { neighbours: { name: neighbours.name } };
    const result = (await this.host.writeAhead?.({ ...options, ...named, conversation: 'next', priority: 'background', speculative: true, approximate: false }, (event) => this.heard(generation, event), generation.cancel)) ?? null;
    if (this.running === generation) return this.over(generation, result, null);
    if (result && result.reason !== 'cancelled' && !generation.cancel.isSet) this.suggestions.put(generation.document, generation.snapshot, writtenOf(generation, result));
    if (this.ahead.running === generation) this.ahead.running = null;
    if (this.next?.ready && !this.running) this.start(this.next.waiting);
  }

  private optionsOf({ snapshot, request: { neighbours } }: Generation, manual: boolean): GenerateOptions {
    return { ...this.prompt(snapshot, manual), sampling: { temperature: 0 }, ...(neighbours && { neighbours }) };
  }

  private over(generation: Generation, result: GenerateResult | null, failure: DeltaError | null): void {
    this.running = null;
    const facts = result && factsOf(result);
    for (const record of generation.records.splice(0)) this.host.record(facts ? addFacts(record, facts) : record);
    if (!generation.cancel.isSet) {
      if (result && result.reason !== 'cancelled') this.finish(generation, result);
      else this.stop(generation, failure?.code === 'noFim' ? 'noFim' : 'unavailable');
    }
    if (this.next?.ready && !this.running) this.start(this.next.waiting);
  }

  /** What a request at a cursor asks for now. */
  prompt(snapshot: Snapshot, manual = false): { prompt: CursorRequest; max: Plan['max'] } {
    const { latencyMs, maxTokens, promptTokens: mostTokens } = this.host.settings();
    const { speed } = this.source;
    const { promptTokens, max } = plan({ latencyMs, maxTokens, speed, manual, block: promisesBlock(snapshot), last: this.promptTokens });
    this.promptTokens = promptTokens;
    return { prompt: { snapshot, promptTokens, mostTokens, suffixTokens: suffixTokens(speed) }, max };
  }

  private attach(generation: Generation, waiting: Waiting, inserted: Insertion): void {
    generation.waiting.set(waiting, inserted);
    const left = waiting.deadline - this.clock.now();
    if (left > 0) waiting.wait(left, () => this.showEarly(generation, waiting, inserted));
    else this.showEarly(generation, waiting, inserted);
  }

  private heard(generation: Generation, event: Event): void {
    if (event.event !== 'text' || generation.cancel.isSet) return;
    generation.hear(event.text, event.scores);
    // The folders that it names are listed by its end.
    amongExisting(generation.soFar, generation.request);
    const { newest } = generation;
    for (const [waiting, inserted] of generation.waiting) {
      if (generation.agreement(inserted) !== 'no') continue;
      generation.waiting.delete(waiting);
      if (waiting !== newest) this.silent(waiting, 'superseded');
      else {
        this.stop(generation, 'superseded');
        return this.queue(waiting);
      }
    }
    if (generation.contradicted) return this.stop(generation, 'superseded');
    for (const [waiting, inserted] of generation.waiting) this.showEarly(generation, waiting, inserted);
  }

  /** Past the latency budget, the whole lines so far do. */
  private showEarly(generation: Generation, waiting: Waiting, inserted: Insertion): void {
    if (this.clock.now() < waiting.deadline || !generation.waiting.has(waiting)) return;
    const text = amongExisting(generation.early, generation.request);
    const written: Written = { id: generation.id, text, scores: generation.scores.slice(), degenerate: degenerate(text, generation.snapshot), facts: null };
    const left = leftOf(written, false, inserted, generation.snapshot.languageId);
    if (typeof left === 'string' || left.text.trim() === '' || waiting.refused === left.text) return;
    const verdict = this.verdict(left, waiting.request);
    // Most tokens add nothing to the lines that are complete: what was refused is not judged again.
    if (verdict.reason !== null) return void (waiting.refused = left.text);
    generation.waiting.delete(waiting);
    this.show(waiting, { origin: generation.request, answered: waiting.request, written }, left, verdict, originOf(generation, waiting), generation);
  }

  /** The text is final: everyone who waits for it gets it, or the next generation. */
  private finish(generation: Generation, result: GenerateResult): void {
    const { request, snapshot } = generation;
    const written = writtenOf(generation, result);
    this.suggestions.put(request.document, snapshot, written);
    this.lengthen(generation, written);
    this.offerLate(generation, written);
    const { newest } = generation;
    for (const [waiting, inserted] of generation.waiting) {
      const left = leftOf(written, true, inserted, snapshot.languageId);
      const isTyped = inserted.left !== '' || inserted.right !== '';
      if (typeof left === 'string' || (isTyped && left.text.trim() === '')) {
        if (waiting === newest) this.queue(waiting);
        else this.silent(waiting, 'superseded');
        continue;
      }
      const verdict = this.verdict(left, waiting.request);
      if (verdict.reason !== null) this.silent(waiting, verdict.reason, { confidence: verdict.confidence, text: left.text, origin: originOf(generation, waiting) }, written.facts);
      else this.show(waiting, { origin: request, answered: waiting.request, written }, left, verdict, originOf(generation, waiting), null);
    }
    generation.waiting.clear();
  }

  /** What is shown of this generation becomes what it is in the end, if that begins with it. */
  private lengthen(generation: Generation, written: Written): void {
    const shown = this.shown.get(generation.document);
    if (shown?.written.id !== generation.id) return;
    const rest = extendsText(written.text, shown.written.text) ? restOf({ ...shown, written }, shown.answered, Infinity) : null;
    const longer = rest !== null && this.verdict(rest, shown.answered).reason === null;
    this.shown.set({ ...shown, written: longer ? written : { ...shown.written, facts: written.facts } });
    const left = rest ?? restOf(shown, shown.answered, Infinity);
    if (left) this.lookAhead(shown.answered, left.text);
    if (longer && generation.waiting.size === 0) this.host.longer(generation.document, { id: generation.id, text: rest.text, final: true }, shown.answered.manual);
  }

  /** VS Code waits for some time only, then shows its own list; where that is empty, the text may still be wanted. */
  private offerLate(generation: Generation, written: Written): void {
    const isShown = this.shown.get(generation.document)?.written.id === generation.id;
    if (isShown || generation.waiting.size > 0 || this.next) return;
    const left = generation.leftNow(written);
    if (!left || this.verdict(left, generation.request).reason !== null) return;
    this.host.late(generation.document, { id: generation.id, text: written.text, final: true });
  }

  /** Sets the flag and answers everyone who waits for its text. */
  private stop(generation: Generation, reason: NoneReason): void {
    generation.cancel.set();
    for (const waiting of generation.waiting.keys()) this.silent(waiting, reason);
    generation.waiting.clear();
  }

  /** The request that has no generation yet will have none. */
  private drop(reason: NoneReason): void {
    const { next } = this;
    this.next = null;
    if (next) this.silent(next.waiting, reason);
  }

  private abandon(waiting: Waiting): void {
    if (this.next?.waiting === waiting) this.next = null;
    this.running?.waiting.delete(waiting);
    this.silent(waiting, 'cancelled');
  }

  /** What is left of a text, at a place. */
  private verdict(left: Written, request: CompletionRequest): Verdict {
    const { habit } = this.host;
    const { snapshot, manual, neighbours } = request;
    const beside = neighbours?.documents?.map(({ text }) => text);
    const judged = judge(left, snapshot, this.source.confidence, this.host.settings().eagerness, habit?.habit.of(kindOf(snapshot)), beside);
    return { reason: this.refusal(left, request, judged), confidence: judged && (manual ? { ...judged, threshold: -Infinity } : judged) };
  }

  private refusal(left: Written, { document, snapshot, manual, existing }: CompletionRequest, judged: Judgement | null): NoneReason | null {
    if (left.text.trim() === '') return 'empty';
    if (left.degenerate) return 'repetition';
    if (manual) return null;
    if (this.rejections.has(document, snapshot, left.text)) return 'repetition';
    if ((!judged || judged.value < judged.threshold) && !(existing && isOnlyPath(left.text, snapshot, existing))) return 'lowConfidence';
    return existing && this.host.settings().eagerness !== 'high' && isInvented(left.text, snapshot, existing) ? 'invented' : null;
  }

  /** `left`: of it, at the cursor of this request; `growing`: the generation that may still make it longer. */
  private show(waiting: Waiting, shown: Shown, left: Written, { confidence }: Verdict, origin: Origin, growing: Generation | null): void {
    const { written } = shown;
    const { document, snapshot } = waiting.request;
    this.learn(document, written.id, snapshot);
    this.rejections.add(document, snapshot, left.text);
    this.shown.set({ ...shown, answered: waiting.request });
    const suggestion: Suggestion = { id: written.id, text: left.text, final: growing === null };
    if (!growing) this.lookAhead(waiting.request, left.text);
    const record = waiting.end({ show: suggestion }, { confidence, origin });
    if (growing) growing.records.push(record);
    else this.host.record(written.facts ? addFacts(record, written.facts) : record);
  }

  private lookAhead(request: CompletionRequest, text: string): void {
    if (!this.host.writeAhead || !this.host.settings().nextAhead) return;
    this.ahead.shown(request, text, (snapshot) => this.running !== null || this.next !== null || this.suggestions.find(request.document, snapshot, () => false)?.exact === true);
  }

  /** Another text is shown: whether the one before it was taken, or typed, is known by now. */
  private learn(document: string, id: number, { before }: Snapshot): void {
    const shown = this.shown.get(document);
    const { habit } = this.host;
    if (!habit || !shown || shown.written.id === id) return;
    const { snapshot } = shown.origin;
    const line = shown.written.text.trim().split('\n', 1)[0];
    const taken = before.startsWith(snapshot.before) && before.slice(snapshot.before.length).trimStart().startsWith(line);
    habit.learned(() => habit.habit.add(kindOf(snapshot), taken));
  }

  private silent(waiting: Waiting, reason: NoneReason, outcome: Outcome = {}, facts: Facts | null = null): void {
    if (waiting.isOver) return;
    const record = waiting.end({ none: reason }, outcome);
    this.host.record(facts ? addFacts(record, facts) : record);
  }
}

/** With its paths as there are files for them; one that there is none for is judged with the rest. */
const amongExisting = (text: string, { snapshot, existing }: CompletionRequest): string => (existing && among(text, snapshot, existing)) ?? text;

function writtenOf({ id, snapshot, request }: Generation, result: GenerateResult): Written {
  const text = amongExisting(result.text.replaceAll('\r', ''), request);
  return { id, text, scores: result.scores, degenerate: degenerate(text, snapshot), facts: factsOf(result) };
}

const extendsText = (longer: string, text: string): boolean => longer.length > text.length && longer.startsWith(text);

const originOf = (generation: Generation, waiting: Waiting): Origin => (waiting.request === generation.request ? 'generation' : 'reattached');
