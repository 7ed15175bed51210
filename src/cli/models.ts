// deltallm models: the model files that are on this computer already, and why each can or cannot be used. Needs neither a model nor the native part.
import type { Command } from '../cli.ts';
import { findModels, thisComputer, type FoundModel, type FoundModels } from '../model/found/findModels.ts';
import { visible } from '../model/found/names.ts';
import { DeltaError } from '../shared/errors.ts';
import { parse } from './options.ts';
import { print } from './output.ts';
import { clearProgress, showProgress } from './terminal.ts';

export const models: Command = async (args, cancel) => {
  const { values } = parse(args, { json: { type: 'boolean' } });
  const found = await findModels({ ...thisComputer(), progress: (share) => showProgress('looking for models', share), cancelled: () => cancel.isSet });
  clearProgress();
  print(values.json ? `${modelsJson(found)}\n` : modelsText(found));
};

/** One line; a refusal has its sentence besides its code. */
export function modelsJson({ models: found, ...rest }: FoundModels): string {
  return JSON.stringify({ models: found.map((model) => ({ ...model, refused: model.refused && { ...model.refused, sentence: sentenceOf(model.refused) } })), ...rest });
}

/** Three lines a model: what it is, where it lies, what it can do. Names and paths of others cannot steer a terminal. */
export function modelsText({ models: found, unreadable, cut }: FoundModels): string {
  const lines = found.flatMap((model) => [`${model.name}  (${detail(model)})`, `  ${visible(model.path)}`, `  ${use(model)}`, '']);
  const usable = found.filter(({ refused }) => refused === null).length;
  if (found.length === 0) lines.push('No model files of other programs were found on this computer.');
  else lines.push(`${found.length === 1 ? '1 model' : `${found.length} models`}, ${usable} of them can be used.`);
  for (const folder of unreadable) lines.push(`${visible(folder)} cannot be read by this user.`);
  if (cut) lines.push('There are more files than were looked at.');
  return `${lines.join('\n')}\n`;
}

function detail({ program, architecture, parameters, quantisation, bytes, context }: FoundModel): string {
  const count = parameters === null ? '' : parameters >= 1e9 ? `${(parameters / 1e9).toFixed(1)} B parameters` : `${Math.round(parameters / 1e6)} M parameters`;
  const size = bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
  return [program, architecture, count, quantisation, size, context === null ? '' : `${context} tokens`].filter(Boolean).join(', ');
}

function use({ refused, chat, fim }: FoundModel): string {
  if (refused) return `Cannot be used: ${sentenceOf(refused)}`;
  const can = [...(chat ? ['chats'] : []), ...(fim ? ['completes code'] : [])];
  return can.length === 0 ? 'Continues texts.' : `Can be used: ${can.join(', ')}.`;
}

const sentenceOf = ({ code, args }: NonNullable<FoundModel['refused']>): string => new DeltaError(code, ...(args as never)).message;
