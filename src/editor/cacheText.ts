// "Show Cache" as text: what each model keeps of which file, and how that was read.
import { l10n } from 'vscode';
import type { BlockGroup, CacheFigures } from '../shared/liveFigures.ts';

/** `caches`: null where no model is loaded. */
export function cacheText(caches: readonly CacheFigures[] | null): string {
  if (!caches || caches.length === 0) return `${l10n.t('No model is loaded: nothing is kept.')}\n`;
  return caches.map(modelText).join('\n\n');
}

function modelText({ model, roles, blocks, bytes, budget, float16, groups, underWay, saved, computed }: CacheFigures): string {
  const role = { completion: l10n.t('completions'), chat: l10n.t('chat') };
  return [
    l10n.t('What {0} keeps of what it has read ({1})', model, roles.map((name) => role[name]).join(', ')),
    '',
    l10n.t('In all: {0} blocks of 64 tokens, {1} of {2} MB', blocks, megabytes(bytes), megabytes(budget)),
    ...(float16 > 0 ? [l10n.t('The same tokens as whole numbers of 16 bits: {0} MB', megabytes(float16))] : []),
    l10n.t('Tokens of all prompts: {0} known from before, {1} computed', saved, computed),
    ...(underWay.blocks > 0 ? [l10n.t('Of requests under way: {0} blocks, {1} MB', underWay.blocks, megabytes(underWay.bytes))] : []),
    ...groups.flatMap((group) => ['', ...groupLines(group)]),
    '',
  ].join('\n');
}

function groupLines({ path, blocks, tokens, reused, exact, delta, approximate, moved, superseded, bytes }: BlockGroup): string[] {
  const some = (count: number, text: string) => (count > 0 ? [`    ${text}`] : []);
  return [
    path ?? l10n.t('Conversations, and what has no name'),
    `    ${l10n.t('{0} blocks, {1} tokens, {2} MB; {3} blocks were used again', blocks, tokens, megabytes(bytes), reused)}`,
    `    ${l10n.t('{0} with exact keys, {1} with keys as changes', exact, delta)}`,
    ...some(approximate, l10n.t('{0} were read before the text above them changed, and are read anew in a pause', approximate)),
    ...some(moved, l10n.t('{0} are used at another place than where they were read', moved)),
    ...some(superseded, l10n.t('{0} are of a text that is no more, and go first', superseded)),
  ];
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
