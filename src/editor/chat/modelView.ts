// The chat model as the view shows it.
import type { ChatModelState } from '../../chat/answerSource.ts';
import type { ModelView } from '../../shared/chatProtocol.ts';
import type { ModelChoice } from './offers.ts';

/** A model that loads with the first question is ready for it. */
export function modelView(model: ChatModelState, { offers, searching }: Pick<ModelChoice, 'offers' | 'searching'>): ModelView {
  switch (model.state) {
    case 'none': return { state: 'none', offers, searching };
    case 'failed': return { state: 'failed', name: model.name, sentence: model.sentence, offers, searching };
    case 'loading': return { state: 'loading', name: model.name, share: model.share };
    default: return { state: 'ready', name: model.name, ...(model.server !== undefined && { server: model.server }) };
  }
}
