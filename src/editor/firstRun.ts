// The walkthrough, and its second step: an untitled file in which the embedded model knows what comes next, and the first suggestion that is taken there.
import { commands, l10n, Position, Selection, Uri, window, workspace, type Command, type Disposable, type TextDocument } from 'vscode';
import { triggerCompletion } from './completions.ts';

export const WALKTHROUGH = 'deltallm.deltallm#deltallm.start';
/** VS Code asks a server about each walkthrough before it lists it, and opens another page in the place of one that is not listed: this long is enough. */
const LISTED_MS = 2000;
/** True once a suggestion was taken: VS Code ticks the step off, and remembers that itself. */
const TAKEN = 'deltallm.firstSuggestionTaken';
const TAKE = 'deltallm.firstSuggestion.taken';

/** The code around the cursor. A test sees to it that the embedded model is sure of what comes there. */
export const before = `interface Item {
  name: string;
  price: number;
  count: number;
}

function total(items: Item[]): number {
  let sum = 0;
  for (const item of items) {
    sum += item.price * item.count;
  }
  return sum;
}

function names(items: Item[]): string[] {
  const result: string[] = [];
  for (const item of items) {
    result.push(item.name);
  }
  return result;
}

function counts(items: Item[]): number[] {
  const result:`;
export const after = '\n}\n';

export class FirstRun implements Disposable {
  private practice: Uri | undefined;
  private listed: Promise<void> | undefined;
  private readonly subscription: Disposable;

  constructor() {
    this.subscription = commands.registerCommand(TAKE, () => {
      this.practice = undefined;
      return commands.executeCommand('setContext', TAKEN, true);
    });
  }

  /** Opens the walkthrough. The first time in a window VS Code has to list it before. */
  async getStarted(): Promise<void> {
    await (this.listed ??= listing());
    await commands.executeCommand('workbench.action.openWalkthrough', WALKTHROUGH, false);
  }

  /** Opens the file, the cursor where something is to be suggested, and asks for it. */
  async tryIt(): Promise<void> {
    const lines = [l10n.t('Grey text appears behind the cursor, in a moment.'), l10n.t('Tab takes it, Ctrl+→ (on a Mac Cmd+→) takes its next word, Esc sends it away. Then type on.')];
    // Beside the cursor, where they are in sight.
    const text = before.replace('function counts', `${lines.map((line) => `// ${line}\n`).join('')}function counts`);
    const document = await workspace.openTextDocument({ language: 'typescript', content: text + after });
    this.practice = document.uri;
    const rows = text.split('\n');
    const cursor = new Position(rows.length - 1, rows.at(-1)!.length);
    await window.showTextDocument(document, { selection: new Selection(cursor, cursor) });
    await triggerCompletion();
  }

  /** What VS Code does when a suggestion in this document is taken; undefined nearly always. */
  whenTaken({ uri }: TextDocument): Command | undefined {
    return uri.toString() === this.practice?.toString() ? { command: TAKE, title: 'DeltaLLM' } : undefined;
  }

  dispose(): void {
    this.subscription.dispose();
  }
}

/** Ends when VS Code has listed the walkthroughs. It begins when somebody asks for them, be it for a step that is nobody's. */
async function listing(): Promise<void> {
  await commands.executeCommand('welcome.markStepIncomplete', `${WALKTHROUGH}#none`).then(undefined, () => {});
  const listed = new Promise<void>((resolve) => setTimeout(resolve, LISTED_MS));
  window.setStatusBarMessage(l10n.t('The first steps open in a moment.'), listed);
  await listed;
}
