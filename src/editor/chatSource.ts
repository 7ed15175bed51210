// What answers in the chat as long as no runtime does: there is no chat model, and none is found.
import type { AnswerSource } from '../chat/answerSource.ts';
import type { ModelOffers } from '../chat/modelOffers.ts';
import { DeltaError } from '../shared/errors.ts';

const nothing = { dispose() {} };

export function unansweredSource(): { source: AnswerSource; offers: ModelOffers } {
  const source: AnswerSource = {
    chatModel: { state: 'none' }, chatSpeed: undefined, onChatModel: () => nothing, onUnloaded: () => nothing,
    answer: () => Promise.reject(new DeltaError('cancelled')), readAhead: async () => {}, count: async () => null, loadChatModel: async () => {},
  };
  const offers: ModelOffers = {
    find: async () => [],
    look: async (path) => ({ id: path, path, name: path, origin: '', detail: '', refused: new DeltaError('fileMissing', path).message }),
  };
  return { source, offers };
}
