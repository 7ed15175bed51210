// Sentences with numbers: what an answer is at, how it came to be, what the next question costs.
import type { AnswerFigures, AnswerView, ChatState } from '../../src/shared/chatProtocol.ts';
import type { ViewContext } from './context.ts';

type Speaking = Pick<ViewContext, 'say' | 'numbers'>;

const joined = (parts: (string | false | null | undefined)[]): string => parts.filter(Boolean).join('\u00a0· ');

/** "Reading 8 192 tokens · 41 % · 25 s left" */
export function activity({ state, reading, note, figures }: AnswerView, { say, numbers }: Speaking): string {
  if (state === 'reading' && reading) {
    const left = reading.secondsLeft;
    return joined([
      say('Reading {0} tokens', numbers.whole(reading.total)),
      reading.total > 0 && say('{0} %', numbers.percent(reading.done / reading.total)),
      left !== null && (left < 90 ? say('{0} s left', numbers.whole(Math.ceil(left))) : say('{0} min left', numbers.whole(left / 60))),
      note,
    ]);
  }
  if (state === 'writing') return joined([say('Writing'), figures && figures.written > 0 && say('{0} tokens', numbers.whole(figures.written)), figures && figures.rate > 0 && say('{0} tokens a second', numbers.few(figures.rate)), note]);
  return note ?? say('Waiting');
}

/** "3 100 tokens reused · 52 read · 12 a second" */
export function figuresLine({ reused, computed, rate }: AnswerFigures, { say, numbers }: Speaking): string {
  return joined([say('{0} tokens reused', numbers.whole(reused)), say('{0} read', numbers.whole(computed)), rate > 0 && say('{0} a second', numbers.few(rate))]);
}

/** "184 tokens written · 0.4 s to the first word" */
export const furtherFigures = ({ written, firstWord }: AnswerFigures, { say, numbers }: Speaking): string =>
  joined([say('{0} tokens written', numbers.whole(written)), say('{0} s to the first word', numbers.few(firstWord))]);

/** "2.1k of 8k · about 9 s to the first word" */
export function estimateLine(estimate: NonNullable<ChatState['estimate']>, { say, numbers }: Speaking): string {
  const { tokens, most, secondsToFirstWord: seconds } = estimate;
  return joined([
    say('{0} of {1}', numbers.short(tokens), numbers.short(most)).replaceAll(' ', '\u00a0'),
    seconds !== null && (seconds < 90 ? say('about {0} s to the first word', seconds < 0.95 ? numbers.few(Math.max(0.1, seconds)) : numbers.whole(seconds)) : say('about {0} min to the first word', numbers.whole(seconds / 60))),
  ]);
}

export const isBusy = (state: AnswerView['state'] | undefined): boolean => state === 'waiting' || state === 'reading' || state === 'writing';
