// What the tests look for in the window, in one place: it differs between versions of VS Code.

import { chosenHost } from './hosts.mjs';

const common = {
  workbench: '.monaco-workbench',
  editor: '.editor-instance .monaco-editor[role="code"]',
  notification: '.notifications-toasts .notification-list-item',
  listedNotification: '.notifications-center .notification-list-item',
  notificationText: '.notification-list-item-message',
  palette: '.quick-input-widget input[type="text"]',
  passwordInput: '.quick-input-widget input[type="password"]',
  paletteRow: '.quick-input-list .monaco-list-row',
  statusItems: '.statusbar-item',
  /** A page of an extension: the frame that is ready, and the one in it that holds what the extension wrote. */
  webview: 'iframe.webview.ready',
  webviewContent: '#active-frame',
  diffEditor: '.monaco-diff-editor',
  editorAction: '.editor-actions .action-label',
  contextMenuItem: '.monaco-menu .action-item',
  dialogButton: '.monaco-dialog-box .monaco-button',
  installedExtension: '.extensions-list .monaco-list-row .extension-list-item',
  settingsSearch: '.settings-editor .settings-header .monaco-editor',
  settingsTab: '.settings-editor .settings-header .action-label',
  /** Of a setting that is a text. @param {string} setting */
  settingsField: (setting) => `.settings-editor [data-key="${setting}"] input`,
};

/** What the recorder in the page needs: plain text, so that it can be sent there. */
const ghost = {
  /** Of the parts of a line. */
  firstLine: '[class*="ghost-text-decoration"]',
  hidden: '.ghost-text-hidden, [class*="inline-completion-text-to-replace"]',
  furtherLines: '.suggest-preview-text .view-line',
  list: '.suggest-widget.visible',
};

/** Settings that keep IntelliSense's list shut: while an item is selected in it, VS Code shows only ghost text that begins with the item. @type {Record<string, unknown>} */
export const listShut = { 'editor.quickSuggestions': { other: 'off', comments: 'off', strings: 'off' }, 'editor.suggestOnTriggerCharacters': false };

/**
 * Settings for tests of flicker. At the floor VS Code itself takes ghost text away for a moment whenever IntelliSense's list is made, of any provider and
 * without us as well: there the list stays shut.
 * @returns {Record<string, unknown>}
 */
export const calm = () => (chosenHost().name === 'floor' ? listShut : {});

/** @type {Record<string, Partial<typeof common & { ghost: Partial<typeof ghost> }>>} */
const differing = { newest: {}, floor: {} };

export function selectors() {
  const own = differing[chosenHost().name] ?? {};
  return { ...common, ...own, ghost: { ...ghost, ...own.ghost } };
}
