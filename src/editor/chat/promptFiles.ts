// What the model is asked by "Explain", "Fix" and their like: a file of the package each, or the user's own in the workspace, which does not count in Restricted Mode.
import { Uri, workspace, type LogOutputChannel } from 'vscode';

export const PROMPTS = ['explain', 'fix', 'document', 'tests'] as const;
export type PromptName = (typeof PROMPTS)[number];

/** A prompt is some sentences. */
const MOST_BYTES = 20_000;
const OWN_FOLDER = ['.deltallm', 'prompts'];

export interface PromptFilesNeeds {
  extensionUri: Uri;
  log: Pick<LogOutputChannel, 'warn'>;
}

/** As the file says it. `beside`: a document of the workspace folder whose prompts count, before those of the other folders. */
export async function promptText(name: PromptName, beside: Uri, { extensionUri, log }: PromptFilesNeeds): Promise<string> {
  const file = `${name}.md`;
  const folder = workspace.getWorkspaceFolder(beside) ?? workspace.workspaceFolders?.[0];
  if (folder && workspace.isTrusted) {
    const own = Uri.joinPath(folder.uri, ...OWN_FOLDER, file);
    try {
      const { size } = await workspace.fs.stat(own);
      const text = size <= MOST_BYTES ? await read(own) : '';
      if (text.trim() !== '') return text;
      log.warn(`The prompt ${OWN_FOLDER.join('/')}/${file} is ignored: it must have some text, and at most ${MOST_BYTES} bytes.`);
    } catch {
      // There is none, or it is no text.
    }
  }
  return read(Uri.joinPath(extensionUri, 'prompts', file));
}

const read = async (uri: Uri): Promise<string> => new TextDecoder('utf-8', { fatal: true }).decode(await workspace.fs.readFile(uri));
