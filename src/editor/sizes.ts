// Bytes in words.
import { l10n } from 'vscode';

export function sizeWords(bytes: number): string {
  return bytes >= 1e9 ? l10n.t('{0} GB', (bytes / 1e9).toFixed(1)) : bytes >= 10e6 ? l10n.t('{0} MB', Math.round(bytes / 1e6)) : l10n.t('{0} MB', (bytes / 1e6).toFixed(1));
}
