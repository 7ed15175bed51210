// A prompt file: plain text with names in braces that stand for what it is asked about.

export type PromptValues = Readonly<Record<'language' | 'symbol' | 'file', string>>;

/** `{{file}}` and its like are filled in; what is no such name stays. */
export function promptFile(text: string, values: PromptValues): { text: string } {
  return { text: text.trim().replace(/\{\{(\w+)\}\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? values[name as keyof PromptValues] : whole)) };
}
