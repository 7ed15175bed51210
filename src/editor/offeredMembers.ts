// What VS Code's own completion offers behind a dot: asked once a place, never waited for, and forgotten with the line.
import { commands, CompletionItemKind, Position, type CompletionItem, type CompletionList, type TextDocument } from 'vscode';
import { memberStart } from '../completion/existing.ts';
import type { Clock } from '../completion/source.ts';

const COMMAND = 'vscode.executeCompletionItemProvider';
/** Milliseconds after which an answer is not heard any more: its language service is busy, and is left alone for a while. */
const LIMIT_MS = 500;
const REST_MS = 5000;
/** Words of the document and what is written for the user: they say nothing about a member. */
const NO_MEMBERS: ReadonlySet<CompletionItemKind> = new Set([CompletionItemKind.Text, CompletionItemKind.Snippet, CompletionItemKind.Keyword, CompletionItemKind.File, CompletionItemKind.Folder]);

export class OfferedMembers {
  private known: { place: string; members: ReadonlySet<string> | undefined } | undefined;
  private isAsking = false;
  private restsUntil = -Infinity;

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** Asks what is offered for the member that is begun at the cursor, if one is; the function it gives says what is known by then. */
  at(document: TextDocument, position: Position): () => ReadonlySet<string> | undefined {
    const prefix = document.lineAt(position.line).text.slice(0, position.character);
    const start = memberStart(prefix);
    if (start < 0) return () => undefined;
    // As long as this is the same so are the members, whatever is typed behind it.
    const place = `${document.uri.toString()} ${position.line} ${prefix.slice(0, start)}`;
    if (this.known?.place !== place) void this.ask(document, new Position(position.line, start), place);
    return () => (this.known?.place === place ? this.known.members : undefined);
  }

  private async ask(document: TextDocument, position: Position, place: string): Promise<void> {
    const asked = this.clock.now();
    if (this.isAsking || asked < this.restsUntil) return;
    this.isAsking = true;
    this.known = { place, members: undefined };
    try {
      const list = await commands.executeCommand<CompletionList | undefined>(COMMAND, document.uri, position, undefined, 0);
      if (this.clock.now() - asked > LIMIT_MS) this.restsUntil = this.clock.now() + REST_MS;
      else if (list && !list.isIncomplete && this.known.place === place) this.known = { place, members: membersOf(list.items) };
    } catch {
      // A provider that fails offers nothing.
      this.restsUntil = this.clock.now() + REST_MS;
    } finally {
      this.isAsking = false;
    }
  }
}

/** undefined where nobody who knows the language has answered. */
function membersOf(items: readonly CompletionItem[]): ReadonlySet<string> | undefined {
  const members = items.filter(({ kind }) => kind !== undefined && !NO_MEMBERS.has(kind));
  if (members.length === 0) return undefined;
  return new Set(members.flatMap(({ label, insertText, filterText }) => [typeof label === 'string' ? label : label.label, filterText, typeof insertText === 'string' ? insertText : insertText?.value].flatMap((text) => /[\p{L}\p{N}_$]+/u.exec(text ?? '')?.[0] ?? [])));
}
