// The model files that the worker finds on this computer, in the user's words.
import { basename } from 'node:path';
import { l10n } from 'vscode';
import type { ModelOffer, ModelOffers } from '../../chat/modelOffers.ts';
import type { FoundModel } from '../../session/protocol.ts';
import { CancelFlag } from '../../shared/cancel.ts';
import { DeltaError } from '../../shared/errors.ts';
import type { EditorRuntime } from '../runtime.ts';
import { localise } from '../messages.ts';
import { sizeWords } from '../sizes.ts';

/** What cannot converse is no offer, and neither is a file that says nothing of itself; what could and cannot run here says why. */
export function foundOffers(runtime: Pick<EditorRuntime, 'askWorker'>, warn: (sentence: string) => void): ModelOffers {
  return {
    async find(cancel) {
      const { models, unreadable } = await runtime.askWorker('findModels', {}, cancel);
      for (const folder of unreadable) warn(`Models in ${folder} cannot be read by this user.`);
      return models.filter(({ chat }) => chat).map((model) => offerOf(model));
    },
    async look(path) {
      const model = await runtime.askWorker('lookAtModel', { path }, new CancelFlag());
      return { ...offerOf(model), origin: l10n.t('Chosen by you') };
    },
  };
}

export function offerOf({ id, path, name, program, parameters, quantisation, bytes, refused }: FoundModel): ModelOffer {
  const count = parameters === null ? [] : [parameters >= 1e9 ? l10n.t('{0} B parameters', (parameters / 1e9).toFixed(1)) : l10n.t('{0} M parameters', Math.round(parameters / 1e6))];
  return {
    id, path, name: name || basename(path), origin: program, detail: [...count, ...(quantisation ? [quantisation] : []), sizeWords(bytes)].join(' · '),
    refused: refused === null ? null : localise(new DeltaError(refused.code, ...(refused.args as never))),
  };
}
