// The entries in VS Code's own lists of code actions: "Fix" where there is a problem, the others for what is selected.
import { CodeAction, CodeActionKind, CodeActionTriggerKind, l10n, languages, type CodeActionContext, type CodeActionProvider, type Disposable, type Range, type TextDocument } from 'vscode';
import { refusedDocument, type Excluded } from './attachable.ts';
import type { PromptName } from '../../chat/promptFile.ts';

/** No kind that a key or saving applies by itself: each only opens the chat. */
const ASK = CodeActionKind.Empty.append('deltallm');
const KINDS = [CodeActionKind.QuickFix, ASK];

const titles: Record<PromptName, () => string> = {
  explain: () => l10n.t('Explain with DeltaLLM'),
  fix: () => l10n.t('Fix with DeltaLLM'),
  document: () => l10n.t('Write a doc comment with DeltaLLM'),
  tests: () => l10n.t('Write tests with DeltaLLM'),
};

export function registerCodeActions(excluded: Excluded): Disposable {
  const provider: CodeActionProvider = {
    provideCodeActions(document: TextDocument, range: Range, { diagnostics, triggerKind, only }: CodeActionContext) {
      const wants = (kind: CodeActionKind): boolean => only === undefined || only.contains(kind);
      // The bulb beside every selection would only be in the way.
      const asked = triggerKind === CodeActionTriggerKind.Invoke && !range.isEmpty && wants(ASK);
      const fix = diagnostics.length > 0 && wants(CodeActionKind.QuickFix);
      if ((!asked && !fix) || refusedDocument(document, excluded) !== null) return [];
      const names: PromptName[] = [...(fix ? (['fix'] as const) : []), ...(asked ? (['explain', 'document', 'tests'] as const) : [])];
      return names.map((name) => {
        const action = new CodeAction(titles[name](), name === 'fix' ? CodeActionKind.QuickFix : ASK);
        action.command = { command: `deltallm.${name}`, title: titles[name](), arguments: [document.uri, range] };
        if (name === 'fix') action.diagnostics = [...diagnostics];
        return action;
      });
    },
  };
  return languages.registerCodeActionsProvider({ pattern: '**' }, provider, { providedCodeActionKinds: KINDS });
}
