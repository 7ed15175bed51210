// "Copy list": what to carry by hand to a computer without a network.
import { l10n } from 'vscode';
import { addressOf, curated, PUBLISHER, serverOf } from './curated.ts';
import type { Facts } from './downloading.ts';
import { sizeWords } from '../sizes.ts';

/** `facts`: of a file that was downloaded here, and is known to the byte; null: of another. */
export function carryList(mirror: string, facts: (file: string) => Facts | null): string {
  const server = serverOf(mirror) ?? PUBLISHER;
  const models = curated.map((model) => {
    const known = facts(model.file);
    return [
      model.name,
      `  ${l10n.t('File: {0}', model.file)}`,
      `  ${l10n.t('Address: {0}', addressOf(server, model))}`,
      `  ${known ? l10n.t('Size: {0} bytes', known.bytes) : l10n.t('Size: about {0}', sizeWords(model.bytes))}`,
      `  ${known ? `SHA-256: ${known.sha256}${known.compared ? '' : ` (${l10n.t('of the file as it came here; the server named none')})`}` : l10n.t('SHA-256: not known here; the page of the file at {0} shows it', new URL(server).host)}`,
      `  ${l10n.t('Licence: {0}', model.licence)}`,
    ].join('\n');
  });
  return [
    l10n.t('Models for DeltaLLM, to be carried by hand'),
    l10n.t('DeltaLLM itself needs no network: install its .vsix file, and the embedded model is in it. Fetch what you want of the files below on another computer, compare the SHA-256, carry them over, and choose them with "DeltaLLM: Manage Models…".'),
    ...models,
  ].join('\n\n') + '\n';
}
