// Texts that go with a question, and the question with them as one message: files first, the question last, so that what was read of files serves the next question too.
import type { AttachmentView } from '../shared/chatProtocol.ts';

export interface AttachedText {
  label: string;
  /** The path as the user knows it. */
  detail: string;
  /** Of the editor: "typescript". */
  language: string;
  text: string;
}

export interface Attachment extends AttachedText {
  id: string;
  kind: AttachmentView['kind'];
  /** Of the document. */
  uri: string;
}

export function questionText(question: string, attachments: readonly AttachedText[]): string {
  return [...attachments.map(attachmentText), question].join('\n\n');
}

/** A fence longer than any within. */
function attachmentText({ label, detail, language, text }: AttachedText): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const name = detail === '' || detail === label ? label : `${label} (${detail})`;
  return `${name}\n${fence}${language}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
}
