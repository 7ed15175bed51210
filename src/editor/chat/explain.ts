// "Explain", "Fix", "Write a doc comment" and "Write tests": a question of a prompt file, with what is selected and what encloses it. The chat opens and answers.
import { l10n, window, workspace, type Range, type Uri } from 'vscode';
import { problemsText } from '../../chat/attachments.ts';
import { fillPrompt, type PromptName } from '../../chat/promptFile.ts';
import type { Clock } from '../../completion/source.ts';
import { problemsOf, rangeAttachment } from './attach.ts';
import { pathOf, type Excluded } from './attachable.ts';
import type { Prompt } from './chatHost.ts';
import { enclosing } from './enclosing.ts';
import { promptOf, type PromptFilesNeeds } from './promptFiles.ts';

export interface ExplainNeeds extends PromptFilesNeeds {
  clock: Clock;
  excluded: Excluded;
  /** `text` is what the user sees; of the prompts the first that fits is asked. */
  ask: (text: string, prompts: readonly Prompt[]) => Promise<void>;
}

const titles: Record<PromptName, (label: string) => string> = {
  explain: (label) => l10n.t('Explain {0}', label),
  fix: (label) => l10n.t('Fix {0}', label),
  document: (label) => l10n.t('Write a doc comment for {0}', label),
  tests: (label) => l10n.t('Write tests for {0}', label),
};

/** Of the active editor, or of the place that a code action names. Where nothing is selected, it is what encloses the cursor. */
export async function askAbout(name: PromptName, needs: ExplainNeeds, uri?: Uri, where?: Range): Promise<void> {
  const editor = window.activeTextEditor;
  const document = uri ? await workspace.openTextDocument(uri) : editor?.document;
  const asked = where ?? (editor && editor.document.uri.toString() === document?.uri.toString() ? editor.selection : undefined);
  if (!document || !asked) return void window.showInformationMessage(l10n.t('Open a file first and select what it is about.'));
  const around = await enclosing(document, asked, needs.clock);
  const range = asked.isEmpty ? around.range : asked;
  const main = rangeAttachment(document, range, 'selection', needs.excluded);
  if (main.refused !== null) return void window.showWarningMessage(main.refused);
  const file = await promptOf(name, document.uri, needs);
  const surroundings = asked.isEmpty || same(range, around.range) ? null : rangeAttachment(document, around.range, 'symbol', needs.excluded, around.name);
  const problems = problemsOf(document.uri, range);
  const values = { selection: main.text, language: document.languageId, symbol: around.name ?? '', problems: problems.length > 0 ? problemsText(pathOf(document.uri), problems) : '' };
  // A prompt of the user's own that does not say where the code goes has it first.
  const lead = /\{\{\s*selection\s*\}\}/.test(file.body) ? '' : `${main.text}\n\n`;
  const alone: Prompt = { prompt: lead + fillPrompt(file, values), named: [main] };
  const beside: Prompt | null = surroundings && { prompt: lead + fillPrompt(file, { ...values, surroundings: surroundings.text }), named: [main, surroundings] };
  await needs.ask(file.isOwn && file.name !== null ? `${file.name}: ${main.label}` : titles[name](main.label), beside ? [beside, alone] : [alone]);
}

const same = (a: Range, b: Range): boolean => a.start.line === b.start.line && a.start.character === b.start.character && a.end.line === b.end.line && a.end.character === b.end.character;
