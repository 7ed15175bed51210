// Wiring of the chat: its view, commands, code actions, proposals, and its places in VS Code's own chat. Nothing is read or started before somebody asks.
import { join } from 'node:path';
import { commands, l10n, Uri, window, type Disposable, type LogOutputChannel, type Memento, type Range } from 'vscode';
import type { AnswerSource } from '../../chat/answerSource.ts';
import type { ModelOffers } from '../../chat/modelOffers.ts';
import type { Clock } from '../../completion/source.ts';
import { chatPage } from '../../shared/chatPage.ts';
import type { SettingsReader } from '../settings.ts';
import { dictionary } from '../words.ts';
import { asOpen, chooseAttachments, rangeAttachment } from './attach.ts';
import { refusedDocument } from './attachable.ts';
import { ChatHost } from './chatHost.ts';
import { ChatView, VIEW } from './chatView.ts';
import { registerCodeActions } from './codeActions.ts';
import { copyText, insertAtCursor, propose } from './codeBlocks.ts';
import { ConversationFiles } from './conversationFiles.ts';
import { askAbout } from './explain.ts';
import { registerLanguageModel } from './languageModelProvider.ts';
import { openLink } from './links.ts';
import { ModelChoice } from './offers.ts';
import { registerParticipant } from './participant.ts';
import { ownFolder, type OwnFolder } from './ownFolder.ts';
import { promptNames } from '../../chat/promptFile.ts';
import { Proposals } from './proposals.ts';

export interface ChatNeeds {
  source: AnswerSource;
  /** What answers other extensions, who were told that it runs here. Default: `source`. */
  local?: AnswerSource;
  offers: ModelOffers;
  settings: SettingsReader;
  clock: Clock;
  log: LogOutputChannel;
  extensionUri: Uri;
  extensionVersion: string;
  /** Of this workspace; undefined where nothing is open. */
  storageUri: Uri | undefined;
  globalStorageUri: Uri;
  workspaceState: Memento;
  /** Where conversations lie, in the place of the folder that VS Code gives. */
  folder?: OwnFolder;
}

export interface Chat extends Disposable {
  /** Ends what runs; everything is saved when this fulfils. */
  close(): Promise<void>;
  /** No conversation is kept any longer. */
  forgetAll(): Promise<void>;
}

export function startChat(needs: ChatNeeds): Chat {
  const { source, settings, clock, log, extensionUri, extensionVersion } = needs;
  const excluded = (): readonly string[] => settings.current['completions.exclude'];
  const warn = (sentence: string): void => log.warn(sentence);
  const proposals = new Proposals();
  const choice = new ModelChoice({ offers: needs.offers, settings, changed: () => host.choiceChanged(), warn });
  const view = new ChatView({ extensionUri, page: chatPage, hear: (message) => host.hear(message), refused: () => warn('The chat view sent a message that is none.') });
  const files = new ConversationFiles(needs.folder ?? ownFolder(join((needs.storageUri ?? needs.globalStorageUri).fsPath, 'conversations')), log);
  const host = new ChatHost({
    source, choice, files, clock, log, state: needs.workspaceState, words: dictionary, post: (message) => view.post(message),
    outside: {
      attach: () => chooseAttachments(excluded), refresh: asOpen, copy: copyText, insert: insertAtCursor, apply: (text) => propose(text, proposals), open: openLink,
    },
  });
  const openAnd = async (action: () => Promise<unknown>): Promise<void> => {
    await view.focus();
    await action();
  };
  const explaining = { clock, excluded, extensionUri, log, ask: (...question: Parameters<ChatHost['askWith']>) => openAnd(() => host.askWith(...question)) };
  const actions: Record<string, (...args: never[]) => unknown> = {
    'deltallm.chat.open': () => view.focus(),
    'deltallm.chat.new': () => openAnd(() => host.newConversation()),
    'deltallm.chat.history': () => host.history(),
    'deltallm.chat.chooseModel': () => chooseModel(choice, host),
    'deltallm.chat.attachSelection': () => openAnd(() => attachSelection(host, excluded)),
    ...Object.fromEntries(promptNames.map((name) => [`deltallm.${name}`, (uri?: Uri, range?: Range) => askAbout(name, explaining, uri instanceof Uri ? uri : undefined, rangeOf(range))])),
    'deltallm.proposal.accept': (uri?: Uri) => proposals.accept(proposalOf(uri)),
    'deltallm.proposal.discard': (uri?: Uri) => proposals.discard(proposalOf(uri)),
  };
  const subscriptions: (Disposable | undefined)[] = [
    view, proposals, window.registerWebviewViewProvider(VIEW, view),
    ...Object.entries(actions).map(([id, act]) => commands.registerCommand(id, act)),
    registerCodeActions(excluded),
    registerLanguageModel(needs.local ?? source, extensionVersion, log),
    registerParticipant({ source, excluded, log }),
  ];
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= host.close());
  return {
    close,
    forgetAll: () => host.forgetAll(),
    dispose() {
      for (const subscription of subscriptions) subscription?.dispose();
      void close();
    },
  };
}

/** A menu in the title of a diff names one side or the other. */
const proposalOf = (uri: unknown): Uri | undefined => (uri instanceof Uri && uri.scheme === 'deltallm-proposal' ? uri : undefined);
/** A menu's second argument is none. */
const rangeOf = (range: unknown): Range | undefined => (typeof range === 'object' && range !== null && 'start' in range && 'end' in range ? (range as Range) : undefined);

async function attachSelection(host: ChatHost, excluded: () => readonly string[]): Promise<void> {
  const editor = window.activeTextEditor;
  if (!editor || editor.selection.isEmpty) return void window.showInformationMessage(l10n.t('Select something first.'));
  const refused = refusedDocument(editor.document, excluded);
  if (refused !== null) return void window.showWarningMessage(refused);
  await host.attach([rangeAttachment(editor.document, editor.selection, 'selection', excluded)]);
}

/** The same choice as in the view, from the palette. */
async function chooseModel(choice: ModelChoice, host: ChatHost): Promise<void> {
  const file = { label: l10n.t('Choose a GGUF file…'), id: '' };
  const listed = choice.find().then(() => [
    ...(choice.offers ?? []).filter(({ refused }) => refused === null).map(({ id, name, origin, detail }) => ({ label: name, description: origin, detail, id })), file,
  ]);
  const chosen = await window.showQuickPick(listed, { title: l10n.t('Choose a chat model'), placeHolder: l10n.t('Models on this computer'), matchOnDescription: true });
  if (!chosen) return;
  if (await (chosen.id === '' ? choice.chooseFile() : choice.use(chosen.id))) await host.modelChosen();
}
