// "Show Last Prompt" as text: what the model saw, what was dropped and why, what was computed, where the time went.
import { l10n } from 'vscode';
import type { RequestRecord } from '../completion/request.ts';
import type { Span } from '../prompt/fim.ts';
import { tokenLines } from './lastRequest.ts';

/** The last request that had a generation, or undefined. */
export function lastPromptText(record: RequestRecord | undefined): string {
  if (!record?.prompt) return `${l10n.t('No prompt was made yet.')}\n`;
  const { prompt, tokens, ms, path, languageId, at } = record;
  const round = Math.round;
  const kept = prompt.spans.filter(({ dropped }) => !dropped);
  const unseen = prompt.neighbours.filter((neighbour) => !prompt.files?.includes(neighbour));
  const dropped = prompt.spans.filter((span) => span.dropped);
  const lines = [
    l10n.t('Last prompt'),
    '',
    l10n.t('Document: {0} ({1}), {2}', path, languageId, new Date(at).toLocaleTimeString()),
    ...(prompt.server === undefined ? [] : [l10n.t('It was sent to {0}.', prompt.server)]),
    ...(tokens ? tokenLines(tokens) : []),
    l10n.t('Milliseconds: {0} pause, {1} waiting, {2} reading, {3} writing, {4} in all', round(ms.pause), round(ms.waiting), round(ms.prefill), round(ms.decode), round(ms.total)),
    '',
    ...kept.map((span) => `+ ${l10n.t('{0}: characters {1} to {2}, {3} tokens', where(span), span.start, span.end, span.tokens)}`),
    ...dropped.map((span) => `- ${l10n.t('{0}: characters {1} to {2}, dropped because the token budget of the prompt was used up', where(span), span.start, span.end)}`),
    ...(dropped.length === 0 ? [l10n.t('Nothing was dropped.')] : []),
    ...(prompt.files ? ['', l10n.t('The prompt begins with what fits of these files:'), ...prompt.files.map((file) => `+ ${file}`)] : []),
    ...(unseen.length > 0 ? ['', l10n.t('What these files say took part in the choice of words, though the model did not see it:'), ...unseen.map((neighbour) => `+ ${neighbour}`)] : []),
    '',
    l10n.t('What the model saw, markers included, between the two lines:'),
    RULE,
    prompt.text,
    RULE,
    '',
  ];
  return lines.join('\n');
}

const RULE = '─'.repeat(60);

const where = ({ name }: Span): string => (name === 'prefix' ? l10n.t('before the cursor') : l10n.t('after the cursor'));
