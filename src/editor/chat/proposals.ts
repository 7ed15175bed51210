// "Apply": what an answer would make of a file stands beside it in VS Code's own diff editor until it is accepted or discarded.
import { commands, EventEmitter, l10n, Range, TabInputTextDiff, Uri, window, workspace, WorkspaceEdit, type Disposable, type TextDocument } from 'vscode';

/** Nothing is completed, read as a neighbour or attached in it. */
export const PROPOSAL_SCHEME = 'deltallm-proposal';
const OPEN_KEY = 'deltallm.proposalOpen';

interface Proposal {
  /** Of the file. */
  readonly target: Uri;
  /** The file's text when this was made: of another one it is no proposal. */
  readonly base: string;
  readonly text: string;
}

export class Proposals implements Disposable {
  private readonly open = new Map<string, Proposal>();
  private readonly changed = new EventEmitter<Uri>();
  private readonly subscriptions: Disposable[];
  private made = 0;

  constructor() {
    this.subscriptions = [
      workspace.registerTextDocumentContentProvider(PROPOSAL_SCHEME, { onDidChange: this.changed.event, provideTextDocumentContent: (uri) => this.open.get(uri.toString())?.text ?? '' }),
      window.tabGroups.onDidChangeTabs(({ closed }) => {
        for (const { input } of closed) if (input instanceof TabInputTextDiff) this.forget(input.modified);
      }),
      this.changed,
    ];
  }

  /** Shows a text beside the file that it is for. */
  async show(document: TextDocument, text: string): Promise<void> {
    const name = document.uri.path.slice(document.uri.path.lastIndexOf('/') + 1);
    const right = Uri.from({ scheme: PROPOSAL_SCHEME, path: `/${++this.made}/${name}` });
    this.open.set(right.toString(), { target: document.uri, base: document.getText(), text });
    await this.tellOpen();
    await commands.executeCommand('vscode.diff', document.uri, right, l10n.t('{0} (proposal)', name), { preview: true });
  }

  /** One edit of the file, so that one undo takes it back. Refused where the file says something else by now. */
  async accept(uri: Uri | undefined = shownProposal()): Promise<boolean> {
    const proposal = uri && this.open.get(uri.toString());
    if (!proposal) return false;
    const { target, base, text } = proposal;
    const document = await workspace.openTextDocument(target);
    if (document.getText() !== base) {
      void window.showWarningMessage(l10n.t('The file has changed since this was proposed: apply the answer again.'));
      return false;
    }
    const edit = new WorkspaceEdit();
    const { start, end, replacement } = difference(base, text);
    edit.replace(target, new Range(document.positionAt(start), document.positionAt(end)), replacement);
    if (!(await workspace.applyEdit(edit))) {
      void window.showWarningMessage(l10n.t('VS Code did not let the file be changed.'));
      return false;
    }
    await this.close(uri);
    await window.showTextDocument(document, { preview: false });
    return true;
  }

  async discard(uri: Uri | undefined = shownProposal()): Promise<void> {
    if (uri) await this.close(uri);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.open.clear();
  }

  private async close(uri: Uri): Promise<void> {
    const tabs = window.tabGroups.all.flatMap(({ tabs }) => tabs).filter(({ input }) => input instanceof TabInputTextDiff && input.modified.toString() === uri.toString());
    if (tabs.length > 0) await window.tabGroups.close(tabs);
    this.forget(uri);
  }

  private forget(uri: Uri): void {
    if (this.open.delete(uri.toString())) void this.tellOpen();
  }

  private tellOpen(): Thenable<unknown> {
    return commands.executeCommand('setContext', OPEN_KEY, this.open.size > 0);
  }
}

/** The proposal in the active tab. */
function shownProposal(): Uri | undefined {
  const input = window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof TabInputTextDiff && input.modified.scheme === PROPOSAL_SCHEME ? input.modified : undefined;
}

/** What differs, without what both begin and end with: the cursor and folded regions elsewhere stay where they are. */
export function difference(before: string, after: string): { start: number; end: number; replacement: string } {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < most - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  // Neither a character of two units nor a line end of two is cut.
  while (head > 0 && isPair(before, head)) head--;
  while (tail > 0 && isPair(before, before.length - tail)) tail--;
  return { start: head, end: before.length - tail, replacement: after.slice(head, after.length - tail) };
}

const isPair = (text: string, at: number): boolean => /^(?:[\ud800-\udbff][\udc00-\udfff]|\r\n)$/.test(text.slice(at - 1, at + 1));
