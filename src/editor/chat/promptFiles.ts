// What the model is asked by "Explain", "Fix" and their like: a file of the package each, or the user's own in the workspace, which does not count in Restricted Mode.
import { FileType, Uri, window, workspace, type LogOutputChannel } from 'vscode';
import { maxPromptFile, parsePromptFile, type PromptFile, type PromptName } from '../../chat/promptFile.ts';
import { asDeltaError } from '../../shared/errors.ts';
import { localise } from '../messages.ts';

const OWN_FOLDER = ['.deltallm', 'prompts'];

export interface PromptFilesNeeds {
  extensionUri: Uri;
  log: Pick<LogOutputChannel, 'warn'>;
}

/** `beside`: a document whose workspace folder may have its own prompts. One that cannot be used is said, and ours takes its place. */
export async function promptOf(name: PromptName, beside: Uri, { extensionUri, log }: PromptFilesNeeds): Promise<PromptFile & { isOwn: boolean }> {
  const own = await ownText(name, beside);
  if (own) {
    try {
      return { ...parsePromptFile(own.text, own.path), isOwn: true };
    } catch (thrown) {
      const error = asDeltaError(thrown);
      log.warn(error.message);
      void window.showWarningMessage(localise(error));
    }
  }
  const uri = Uri.joinPath(extensionUri, 'prompts', `${name}.md`);
  return { ...parsePromptFile(await read(uri), uri.path), isOwn: false };
}

async function ownText(name: PromptName, beside: Uri): Promise<{ text: string; path: string } | null> {
  const folder = workspace.getWorkspaceFolder(beside) ?? workspace.workspaceFolders?.[0];
  if (!folder || !workspace.isTrusted) return null;
  const uri = Uri.joinPath(folder.uri, ...OWN_FOLDER, `${name}.md`);
  try {
    const { size, type } = await workspace.fs.stat(uri);
    if ((type & FileType.File) === 0) return null;
    const path = [...OWN_FOLDER, `${name}.md`].join('/');
    // Of a larger one its beginning says enough: it is refused for its length.
    return { text: size <= 4 * maxPromptFile ? await read(uri) : ' '.repeat(maxPromptFile + 1), path };
  } catch {
    return null; // there is none
  }
}

const read = async (uri: Uri): Promise<string> => new TextDecoder('utf-8').decode(await workspace.fs.readFile(uri));
