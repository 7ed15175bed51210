// What a model thinks before it answers stands between think tags; the view folds it.

const OPEN = '<think>';
const CLOSE = '</think>';

/** The answer without what was thought before it. A tag that has only begun to come is shown in neither. */
export function withoutReasoning(raw: string): { text: string; reasoning: string } {
  const start = /^\s*<think>/.exec(raw)?.[0];
  const close = raw.indexOf(CLOSE);
  if (close >= 0) return { reasoning: raw.slice(start?.length ?? 0, close).trim(), text: raw.slice(close + CLOSE.length).trimStart() };
  if (start !== undefined) return { reasoning: withoutBegun(raw.slice(start.length), CLOSE).trim(), text: '' };
  return OPEN.startsWith(raw.trimStart()) ? { reasoning: '', text: '' } : { reasoning: '', text: raw };
}

function withoutBegun(text: string, tag: string): string {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) if (text.endsWith(tag.slice(0, length))) return text.slice(0, -length);
  return text;
}
