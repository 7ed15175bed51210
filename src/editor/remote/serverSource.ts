// Completions by a team's server, with the model here behind it. The server is asked at once. Where half of the latency budget brought no word of it, the model
// here begins too, and where all of it did not, its text is shown: asking both from the first moment would let this computer's processor work for every key
// that a good server answers, and asking the second when the first is late would answer twice as late.
import { CancelFlag } from '../../shared/cancel.ts';
import { asDeltaError, type DeltaError } from '../../shared/errors.ts';
import type { Clock, TextSource } from '../../completion/source.ts';
import type { CursorRequest, Event, GenerateOptions, GenerateResult } from '../../session/protocol.ts';
import type { Settings } from '../settingsTable.ts';
import { nothing } from '../nothing.ts';
import { ServerPrompts, type ServerForm } from '../../session/serverPrompt.ts';
import { neighboursThatMayGo, pathMayGo, promptMayGo } from './mayGo.ts';
import { writeByServer } from './serverWriting.ts';
import type { TeamServer } from './teamServer.ts';

/** Of the latency budget. */
const HEAD_START = 1 / 2;
/** Tokens of a prompt at most: a server reads much faster than this computer, and not for one person alone. */
const MOST_PROMPT = 4096;
/** Beside a text of the longest kind, and what a server puts around a prompt. */
const MARGIN = 64;
const LEAST_PROMPT = 128;
/** Where nothing is to be read ahead. */
const SHORT_PROMPT = 2048;

export interface ServerSourceNeeds {
  local: TextSource;
  team: Pick<TeamServer, 'serves' | 'connect' | 'answered' | 'late' | 'failed'>;
  settings: () => Settings;
  clock: Clock;
}

export class ServerSource implements TextSource {
  /** The last request was answered by the model here, because the server was too slow: the next one asks both at once. */
  private wasLate = false;
  /** Of the model that was asked last. */
  private prompts: { key: string; made: ServerPrompts } | null = null;

  constructor(private readonly needs: ServerSourceNeeds) {}

  get speed(): TextSource['speed'] {
    return this.needs.local.speed;
  }

  get confidence(): TextSource['confidence'] {
    return this.needs.local.confidence;
  }

  generate(options: GenerateOptions, hear: (event: Event) => void, cancel: CancelFlag): Promise<GenerateResult> {
    const { local, team, settings, clock } = this.needs;
    const { prompt } = options;
    if (!('snapshot' in prompt) || !team.serves('completions') || !pathMayGo(prompt.snapshot.path, settings())) return local.generate(options, hear, cancel);
    const budget = settings()['completions.latencyBudget'];
    return race({
      clock, hear, cancel, budget, headStart: this.wasLate ? 0 : HEAD_START * budget,
      server: (heard, stop) => this.ask(options, prompt, heard, stop),
      local: (heard, stop) => local.generate(options, heard, stop),
      decided: (by) => {
        this.wasLate = by === 'late';
        if (by === 'late') team.late();
      },
    });
  }

  /** Null: this text stays here. Rejects where the server failed. */
  private async ask(options: GenerateOptions, cursor: CursorRequest, hear: (event: Event) => void, stop: CancelFlag): Promise<GenerateResult | null> {
    const { team, settings } = this.needs;
    const { 'completions.maxTokens': max, 'completions.promptTokens': promptTokens } = settings();
    const { server, host, model, form } = await team.connect('completions');
    const most = Math.min(MOST_PROMPT, promptTokens || SHORT_PROMPT, Math.max(LEAST_PROMPT, (model.context ?? Infinity) - max - MARGIN));
    const neighbours = neighboursThatMayGo(options.neighbours, settings());
    const prompt = this.promptsOf(model.id, form).at(cursor.snapshot, { tokens: most, max, ...(neighbours && { neighbours }) });
    if (!prompt || !promptMayGo(prompt)) return null;
    let broken: DeltaError | null = null;
    try {
      const result = await writeByServer({ server, host, prompt, cursor, broken: (error) => (broken = error) }, hear, stop);
      if (broken) team.failed(broken);
      else if (!stop.isSet) team.answered();
      return result;
    } catch (thrown) {
      if (!stop.isSet) team.failed(thrown);
      throw thrown;
    }
  }

  private promptsOf(model: string, form: ServerForm | null): ServerPrompts {
    const key = `${form} ${model}`;
    if (this.prompts?.key !== key) this.prompts = { key, made: new ServerPrompts(model, form) };
    return this.prompts.made;
  }
}

interface Racing {
  clock: Clock;
  hear: (event: Event) => void;
  cancel: CancelFlag;
  /** Milliseconds until the model here answers in the server's place, and until it begins to. */
  budget: number;
  headStart: number;
  server: (hear: (event: Event) => void, stop: CancelFlag) => Promise<GenerateResult | null>;
  local: (hear: (event: Event) => void, stop: CancelFlag) => Promise<GenerateResult>;
  /** Called once: whose text it is. `late`: the server had said nothing when the budget ran out. `here`: it failed, or was not to be asked. */
  decided: (by: 'server' | 'late' | 'here') => void;
}

/** The server's text where it begins within the budget, else that of the model here. Never a mixture of both. */
function race({ clock, hear, cancel, budget, headStart, server, local, decided }: Racing): Promise<GenerateResult> {
  return new Promise((resolve, reject) => {
    const stops = { server: new CancelFlag(), local: new CancelFlag() };
    const early: Event[] = [];
    let winner: 'server' | 'local' | null = null;
    let here: Promise<GenerateResult> | null = null;
    let localFailed = false;
    const waits: (() => void)[] = [];
    if (cancel.isSet) return resolve(nothing());
    // Whoever cancelled does not wait for a server; the model here says when it has ended.
    const unlisten = cancel.onSet(() => {
      stops.server.set();
      stops.local.set();
      for (const unwait of waits) unwait();
      if (winner !== 'local') void Promise.resolve(here).catch(() => {}).then(() => resolve(nothing()));
    });
    const end = (): void => {
      unlisten();
      for (const unwait of waits) unwait();
    };
    const startLocal = (): Promise<GenerateResult> => {
      if (here) return here;
      here = local((event) => (winner === 'local' ? hear(event) : early.push(event)), stops.local);
      here.catch(() => (localFailed = true));
      return here;
    };
    const win = (who: 'server' | 'local', by: Parameters<typeof decided>[0]): void => {
      winner = who;
      decided(by);
      stops[who === 'server' ? 'local' : 'server'].set();
    };
    const letLocal = (by: 'late' | 'here'): void => {
      if (winner !== null) return;
      win('local', by);
      const result = startLocal();
      for (const event of early.splice(0)) hear(event);
      result.then(resolve, reject).finally(end);
    };
    server((event) => {
      if (winner === null && !cancel.isSet) win('server', 'server');
      if (winner === 'server') hear(event);
    }, stops.server).then((result) => {
      if (winner === 'local') return;
      if (result === null) return letLocal('here');
      if (winner === null && !cancel.isSet) win('server', 'server');
      end();
      resolve(result);
    }, (error: unknown) => {
      if (winner === null && !cancel.isSet) return letLocal('here');
      if (winner === 'local') return;
      end();
      reject(asDeltaError(error));
    });
    waits.push(clock.wait(headStart, () => {
      if (winner === null) void startLocal();
    }));
    waits.push(clock.wait(budget, () => {
      // Where the model here cannot write, the server has all the time that the user gives it.
      if (!localFailed) letLocal('late');
    }));
  });
}
