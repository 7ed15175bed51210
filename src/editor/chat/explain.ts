// "Explain", "Fix", "Write a doc comment" and "Write tests": a question of a prompt file, with what is selected and what encloses it. The chat opens and answers.
import { l10n, languages, window, workspace, type Diagnostic, type Range, type TextDocument, type Uri } from 'vscode';
import type { Clock } from '../../completion/source.ts';
import { promptFile } from '../../chat/promptFile.ts';
import { problemsAttachment, rangeAttachment, type Attached } from './attach.ts';
import type { Excluded } from './attachable.ts';
import { enclosing } from './enclosing.ts';
import { promptText, type PromptFilesNeeds, type PromptName } from './promptFiles.ts';

export interface ExplainNeeds extends PromptFilesNeeds {
  clock: Clock;
  excluded: Excluded;
  /** `text` is what the user sees, `prompt` what the model reads. */
  ask: (text: string, prompt: string, attachments: readonly Attached[]) => Promise<void>;
}

const titles: Record<PromptName, (label: string) => string> = {
  explain: (label) => l10n.t('Explain {0}', label),
  fix: (label) => l10n.t('Fix {0}', label),
  document: (label) => l10n.t('Write a doc comment for {0}', label),
  tests: (label) => l10n.t('Write tests for {0}', label),
};

/** Of the active editor, or of the place that a code action names. */
export async function askAbout(name: PromptName, needs: ExplainNeeds, uri?: Uri, where?: Range): Promise<void> {
  const editor = window.activeTextEditor;
  const document = uri ? await workspace.openTextDocument(uri) : editor?.document;
  if (!document) return void window.showInformationMessage(l10n.t('Open a file first and select what it is about.'));
  const asked = where ?? (editor?.document.uri.toString() === document.uri.toString() ? editor.selection : undefined);
  if (!asked) return;
  const around = await enclosing(document, asked, needs.clock);
  const range = asked.isEmpty ? around.range : asked;
  const main = rangeAttachment(document, range, asked.isEmpty && around.name !== null ? 'symbol' : 'selection', needs.excluded);
  if (main.refused !== null) return void window.showWarningMessage(main.refused);
  const attachments: Attached[] = [main];
  if (!asked.isEmpty && !same(range, around.range)) attachments.push(rangeAttachment(document, around.range, 'symbol', needs.excluded));
  if (name === 'fix') {
    const problems = problemsIn(document, range).length > 0 ? problemsAttachment(needs.excluded, document.uri) : null;
    if (problems) attachments.push(problems);
  }
  const { text: prompt } = promptFile(await promptText(name, document.uri, needs), { language: document.languageId, symbol: around.name ?? '', file: main.label });
  await needs.ask(titles[name](main.label), prompt, attachments);
}

const problemsIn = (document: TextDocument, range: Range): Diagnostic[] =>
  languages.getDiagnostics(document.uri).filter((found) => found.range.start.line <= range.end.line && found.range.end.line >= range.start.line);

const same = (a: Range, b: Range): boolean => a.start.line === b.start.line && a.start.character === b.start.character && a.end.line === b.end.line && a.end.character === b.end.character;
