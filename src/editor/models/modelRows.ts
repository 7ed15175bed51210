// Model files as the page of models shows them.
import { l10n } from 'vscode';
import { predictedSpeed } from '../../session/machineSpeed.ts';
import type { FoundModel, MachineSpeed, Plan } from '../../session/protocol.ts';
import type { ModelRole, ModelRow } from '../../shared/modelsProtocol.ts';
import { offerOf } from '../chat/foundOffers.ts';
import { loadPlan } from '../loadPlan.ts';
import type { Settings } from '../settingsTable.ts';
import { sizeWords } from '../sizes.ts';

/** This machine: how fast it is, and how much memory is free. */
export type Machine = MachineSpeed & { available: number };

/** A model file and how the settings name it. */
export interface Known {
  model: FoundModel;
  /** Empty: the embedded model. */
  path: string;
  origin: string;
  /** The name of the file in our own folder; '' : it is somebody else's. */
  own: string;
}

/** How a model would be run by the present settings. */
export function planOf(settings: Settings): Plan {
  const { attention, cacheBytes } = loadPlan(settings, null);
  return { context: Math.max(1, settings['completions.promptTokens']), attention, cacheBytes };
}

export function rowOf({ model, path, origin, own }: Known, machine: Machine | null, used: (role: ModelRole, path: string) => boolean): ModelRow {
  const { id, name, detail, refused } = offerOf(model);
  const can = ([['completion', model.fim], ['chat', model.chat]] as const).filter(([, able]) => able && model.refused === null).map(([role]) => role);
  return {
    id, name, origin, detail, can, used: can.filter((role) => used(role, path)), removable: own !== '', fit: fitWords(model, machine),
    refused: refused ?? (can.length > 0 ? '' : l10n.t('It can neither complete at a cursor nor chat.')),
  };
}

/** "Needs 1.9 GB of memory, 6.2 GB are free. Reads about 210 and writes about 14 tokens a second here." */
function fitWords({ needs, parameters, refused }: FoundModel, machine: Machine | null): string {
  if (!needs || !machine || refused) return '';
  const memory = l10n.t('Needs {0} of memory, {1} are free.', sizeWords(needs.weights + needs.cache + needs.besides), sizeWords(machine.available));
  if (!parameters) return memory;
  const { reads, writes } = predictedSpeed(machine, needs.weights, parameters);
  return `${memory} ${l10n.t('Reads {0} and writes {1} tokens a second here.', rounded(reads, MOST_READ), rounded(writes, MOST_WRITTEN))}`;
}

/** Tokens a second beyond which a model is small, and what is not products decides. */
const [MOST_READ, MOST_WRITTEN] = [2000, 200];

/** Two digits: more would be a lie. */
const rounded = (value: number, most: number): string => (value > most ? l10n.t('more than {0}', most) : l10n.t('about {0}', value < 10 ? value.toFixed(1) : Number(value.toPrecision(2))));
