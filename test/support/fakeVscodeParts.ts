// Classes of the module `vscode` that only carry values, as the extension uses them: tabs, code actions, edits, and the parts of VS Code's own chat.

type Place = { line: number; character: number };
interface Area {
  start: Place;
  end: Place;
}
interface Address {
  toString(): string;
}

export class TabInputText {
  constructor(readonly uri: Address) {}
}

export class TabInputTextDiff {
  constructor(
    readonly original: Address,
    readonly modified: Address,
  ) {}
}

export class WorkspaceEdit {
  readonly replacements: { uri: Address; range: Area; text: string }[] = [];
  replace(uri: Address, range: Area, text: string): void {
    this.replacements.push({ uri, range, text });
  }
}

export class CodeActionKind {
  static Empty = new CodeActionKind('');
  static QuickFix = new CodeActionKind('quickfix');
  static Refactor = new CodeActionKind('refactor');
  static RefactorRewrite = new CodeActionKind('refactor.rewrite');
  constructor(readonly value: string) {}
  append = (part: string) => new CodeActionKind(this.value === '' ? part : `${this.value}.${part}`);
  contains = (other: CodeActionKind) => this.value === '' || other.value === this.value || other.value.startsWith(`${this.value}.`);
}

export class CodeAction {
  command: { command: string; title: string; arguments?: unknown[] } | undefined;
  diagnostics: unknown[] | undefined;
  constructor(
    readonly title: string,
    readonly kind: CodeActionKind,
  ) {}
}

export const CodeActionTriggerKind = { Invoke: 1, Automatic: 2 };
export const DiagnosticSeverity = { Error: 0, Warning: 1, Information: 2, Hint: 3 };
export const QuickPickItemKind = { Separator: -1, Default: 0 };

export class ThemeIcon {
  constructor(readonly id: string) {}
}

export class Location {
  constructor(
    readonly uri: Address,
    readonly range: Area,
  ) {}
}

export const LanguageModelChatMessageRole = { User: 1, Assistant: 2 };

export class LanguageModelTextPart {
  constructor(readonly value: string) {}
}

export class ChatRequestTurn {
  constructor(
    readonly prompt: string,
    readonly participant: string,
  ) {}
}

export class ChatResponseMarkdownPart {
  constructor(readonly value: { value: string }) {}
}

export class ChatResponseTurn {
  constructor(
    readonly response: readonly unknown[],
    readonly participant: string,
  ) {}
}
