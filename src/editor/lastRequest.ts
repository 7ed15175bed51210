// "Show Last Request" as text: what was asked, what came of it and why, counted and one by one.
import { l10n } from 'vscode';
import type { NoneReason, RequestRecord } from '../completion/request.ts';
import { isTold, type Counts, type Tally } from '../completion/tally.ts';
import { gaveWay } from '../completion/waiting.ts';
import { answerWord, originWords, reasonWords } from './words.ts';

export function lastRequestText(tally: Tally): string {
  const last = tally.told ?? tally.last;
  if (!last) return `${l10n.t('Nothing was asked yet.')}\n`;
  return [
    l10n.t('Last request'),
    '',
    ...details(last),
    '',
    l10n.t('Requests so far'),
    '',
    ...countLines(tally.counts()),
    '',
    l10n.t('The last requests, newest first'),
    '',
    ...[...tally.recent].reverse().filter(isTold).flatMap(lines),
    '',
  ].join('\n');
}

/** Answers, each with where it came from or why there was none, the most frequent first. */
function countLines({ returned, shown, suppressed, superseded, origins, reasons }: Counts): string[] {
  const sorted = <K extends string>(counts: Partial<Record<K, number>>, words: (key: K) => string): string[] =>
    (Object.entries(counts) as [K, number][]).sort(([, a], [, b]) => b - a).map(([key, count]) => `${row(count)}    ${words(key)}`);
  const why = (superseding: boolean): string[] =>
    sorted(Object.fromEntries(Object.entries(reasons).filter(([reason]) => gaveWay(reason as NoneReason) === superseding)) as typeof reasons, reasonWords);
  return [
    `${row(shown)}  ${answerWord('returned')}`, ...sorted(rest(origins), originWords),
    `${row(suppressed)}  ${answerWord('suppressed')}`, ...why(false),
    `${row(superseded)}  ${answerWord('superseded')}`, ...why(true),
    ...(returned > shown ? [`${row(returned - shown)}  ${originWords('typedThrough')}`] : []),
  ];
}

const rest = ({ typedThrough: _, ...origins }: Counts['origins']): Counts['origins'] => origins;

const row = (count: number): string => String(count).padStart(6);

function details(record: RequestRecord): string[] {
  const { path, languageId, manual, confidence, tokens, ms, prompt } = record;
  const round = Math.round;
  const lines = [
    outcome(record),
    l10n.t('Document: {0} ({1}), {2}', path, languageId, new Date(record.at).toLocaleTimeString()),
    manual ? l10n.t('Asked for by the user') : l10n.t('Asked for by the editor'),
  ];
  if (confidence) lines.push(Number.isFinite(confidence.threshold)
    ? l10n.t('Confidence: {0}, to be shown it had to reach {1}', confidence.value.toFixed(2), confidence.threshold.toFixed(2))
    : l10n.t('Confidence: {0}, shown in any case', confidence.value.toFixed(2)));
  if (tokens) lines.push(...tokenLines(tokens));
  const beside = new Set([...(prompt?.neighbours ?? []), ...(prompt?.files ?? [])]).size;
  if (beside > 0) lines.push(l10n.t('Files beside this one that took part: {0}', beside));
  lines.push(l10n.t('Milliseconds: {0} pause, {1} waiting, {2} reading, {3} writing, {4} in all', round(ms.pause), round(ms.waiting), round(ms.prefill), round(ms.decode), round(ms.total)));
  return [...lines, ...withheld(record)];
}

/** How many tokens were read, and how what was known had been. */
export function tokenLines({ prompt, reused, computed, generated, reuse }: NonNullable<RequestRecord['tokens']>): string[] {
  return [
    l10n.t('Tokens: {0} in the prompt, {1} of them known from before, {2} computed, {3} written', prompt, reused, computed, generated),
    ...(reuse ? [l10n.t('Of those known from before, {0} were read as they stand, {1} behind text that has changed since, and {2} stood elsewhere; they are read anew in the next pause', reuse.strict, reuse.approximate, reuse.moved)] : []),
  ];
}

/** The text that was not shown, if there was one. */
function withheld({ answer, text }: RequestRecord): string[] {
  return answer === 'suppressed' && text.trim() !== '' ? [l10n.t('The text that was not shown:'), ...text.replace(/^\n+/, '').trimEnd().split('\n').map((line) => `    ${line}`)] : [];
}

function lines(record: RequestRecord): string[] {
  const tokens = record.tokens ? l10n.t(', {0} tokens', record.tokens.generated) : '';
  return [`${new Date(record.at).toLocaleTimeString()}  ${outcome(record)}${l10n.t(', {0} ms', Math.round(record.ms.total))}${tokens}`, ...withheld(record).slice(1)];
}

/** "shown: newly written". */
export function outcome({ answer, reason, origin }: RequestRecord): string {
  const why = reason ? reasonWords(reason) : origin ? originWords(origin) : '';
  return why ? `${answerWord(answer)}: ${why}` : answerWord(answer);
}
