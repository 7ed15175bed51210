// What may go to a team's server: nothing that is excluded, may hold secrets by its name, or holds one.
import { holdsSecret } from '../../completion/secretText.ts';
import { refusal } from '../../completion/eligible.ts';
import type { ServerPrompt } from '../../session/serverPrompt.ts';
import type { NeighbourSet } from '../../session/neighbourSet.ts';
import type { CodeRequest } from '../../shared/remoteServer.ts';
import type { Settings } from '../settingsTable.ts';

/** Asked once more at the border, whoever asked before. */
export function pathMayGo(path: string, settings: Settings): boolean {
  return refusal({ scheme: 'file', path, languageId: '', characters: 0 }, { enabled: true, languages: {}, exclude: settings['completions.exclude'] }) === null;
}

/** The documents beside it that may go; those that may not take no part. */
export function neighboursThatMayGo(neighbours: NeighbourSet | undefined, settings: Settings): NeighbourSet | undefined {
  if (!neighbours?.documents) return undefined;
  const documents = neighbours.documents.filter(({ path, text }) => pathMayGo(path, settings) && !holdsSecret(text));
  if (documents.length === neighbours.documents.length) return neighbours;
  return documents.length > 0 ? { ...neighbours, name: `${neighbours.name} (${documents.map(({ path }) => path).join(', ')})`, documents } : undefined;
}

/** Whether what would be sent of it holds no secret. */
export const promptMayGo = ({ request }: Pick<ServerPrompt, 'request'>): boolean => !textsOf(request).some(holdsSecret);

const textsOf = (request: CodeRequest): string[] => (request.form === 'prompt' ? [request.prompt] : [request.before + request.after]);
