// Failures in the user's language. The worker sends code and arguments; what the arguments say in English stays in the log.
import { l10n } from 'vscode';
import { asDeltaError, type DeltaError, type ErrorCode } from '../shared/errors.ts';

type Sentence = (...args: readonly (string | number)[]) => string;

/** The sentence for each code. Reasons that a library or a parser gave are left out: they are English, and the log has them. */
const sentences: Record<ErrorCode, Sentence> = {
  fileMissing: (path) => l10n.t('There is no file at {0}: check the path.', path),
  fileUnreadable: (path, reason) => l10n.t('{0} cannot be read ({1}).', path, reason),
  folderNotWritable: (path, reason) => l10n.t('{0} cannot be written ({1}): choose another folder.', path, reason),
  diskFull: (path, needed, free) => l10n.t('{0} needs {1} but only {2} are free: make room or choose another folder.', path, needed, free),
  downloadUnreachable: (host, reason) => l10n.t('{0} does not answer ({1}): check the network and VS Code’s proxy setting, then download again; what has come is kept.', host, reason),
  downloadRefused: (host, answer) => l10n.t('{0} does not give the file ({1}): try again later, or name a mirror in the settings.', host, answer),
  certificateUntrusted: (host, reason) => l10n.t('The certificate of {0} is not trusted ({1}): add your organisation’s certificate to those of the system.', host, reason),
  downloadDamaged: (name, host) => l10n.t('{0} did not arrive as {1} says it is (its SHA-256 or size differs) and was removed: download it again.', name, host),
  serverAddressInvalid: (address) => l10n.t('The setting deltallm.remote.url is not the address of a server ({0}): it begins with http:// or https://.', address),
  serverUnreachable: (host, reason) => l10n.t('{0} does not answer ({1}): check that the server runs, the network, and VS Code’s proxy setting.', host, reason),
  serverRefusesKey: (host) => l10n.t('{0} refuses the key: set it with “DeltaLLM: Set Server Key…”.', host),
  serverLacksModel: (host, what) => l10n.t('{0} does not have {1}: check the settings under deltallm.remote.', host, what),
  serverNamesNoModel: (host) => l10n.t('{0} names no model: load one there, or name one in the settings under deltallm.remote.', host),
  serverSlow: (host) => l10n.t('{0} takes longer than the latency budget.', host),
  serverBusy: (host) => l10n.t('{0} has too much to do at the moment.', host),
  serverLoading: (host) => l10n.t('{0} is still loading its model.', host),
  serverFailed: (host, answer) => l10n.t('{0} failed ({1}): whoever looks after it may find the reason in its log.', host, answer),
  serverRedirects: (host, to) => l10n.t('{0} sends on to {1}, which is not followed: put the right address into deltallm.remote.url.', host, to),
  serverAnswerInvalid: (host) => l10n.t('{0} does not answer as a model server does: check the address in deltallm.remote.url.', host),
  mayNotGo: (host) => l10n.t('This text seems to hold a password or a key, so that it was not sent to {0}: take that out, or choose a chat model on this computer.', host),
  outputUnwritable: (_, reason) => l10n.t('The output cannot be written ({0}): make room, or send it elsewhere.', reason),
  notGguf: (path) => l10n.t('{0} is not a usable GGUF file: download it again or choose another model.', path),
  ggufTruncated: (path) => l10n.t('{0} is cut short: download it again.', path),
  ggufLimit: (path) => l10n.t('{0} is refused: no real model looks like that.', path),
  ggufOtherPart: (path, no, count, first) => l10n.t('{0} is part {1} of {2} of a model: choose its first part, {3}.', path, no, count, first),
  ggufPartMissing: (path, no, count) => l10n.t('Part {0} of {1} of the model is missing: put {2} beside the others.', no, count, path),
  architectureUnknown: (name, known) => l10n.t('The model architecture "{0}" is not supported; supported: {1}.', name, known),
  tensorTypeUnknown: (tensor, type, known) => l10n.t('The tensor {0} has type {1}, which is not supported; supported: {2}.', tensor, type, known),
  tensorMissing: (path, tensor) => l10n.t('{0} has no usable tensor {1}: the file is incomplete or of another architecture.', path, tensor),
  metadataInvalid: (path, key) => l10n.t('{0} has no usable metadata {1}.', path, key),
  tokenizerUnknown: (kind) => l10n.t('The tokenizer "{0}" is not supported; supported: {1}.', kind, 'byte-level BPE ("gpt2"), SentencePiece ("llama")'),
  vocabularyOnly: (path) => l10n.t('{0} holds a vocabulary but no weights: it can tokenize, not complete.', path),
  onnxUnfit: (path, node) => l10n.t('{0} cannot run here because of its node {1}: choose another file of the model, or its GGUF.', path, node),
  onnxFolderInvalid: (path) => l10n.t('{0} is no usable ONNX model: download it again, or choose its GGUF.', path),
  modelFolderInvalid: (path) => l10n.t('{0} is no folder of what was measured of a model: choose the GGUF itself.', path),
  noChatModel: () => l10n.t('No chat model is chosen: choose one in the chat view.'),
  noFim: (name) => l10n.t('The model {0} has no fill-in-the-middle tokens: it cannot complete at a cursor. Choose another model.', name),
  templateInvalid: (name) => l10n.t('The chat template of {0} cannot be used: choose another chat model.', name),
  templateRefused: (name) => l10n.t('The chat template of {0} refuses this conversation: begin a new one or choose another chat model.', name),
  templateTooLarge: (name) => l10n.t('The chat template of {0} was stopped because it does more than any template needs: choose another chat model.', name),
  promptFileInvalid: (path) => l10n.t('The prompt file {0} cannot be used: correct it or delete it. The log says what is wrong with it.', path),
  addonMissing: (platform) => l10n.t('The native part of DeltaLLM could not be loaded for {0}. The log says what was tried.', platform),
  addonVersion: (found, wanted) => l10n.t('The native part of DeltaLLM has interface version {0}, but {1} is needed: install the extension again.', found, wanted),
  kernelSetUnknown: (name, known) => l10n.t('There is no set of kernels "{0}"; known here: {1}.', name, known),
  telemetryNotDisabled: () => l10n.t('{0} must be set before ONNX Runtime is loaded.', 'ORT_DISABLE_TELEMETRY=1'),
  memoryBudget: (needed, budget) => l10n.t('The KV cache needs {0} but may use only {1}: raise the cache size in the settings.', needed, budget),
  modelTooLarge: (name, needed, available) => l10n.t('{0} needs {1} of memory but only {2} are free: close something, or choose a smaller model.', name, needed, available),
  outOfMemory: () => l10n.t('There is too little free memory: close something, or choose a smaller model or cache.'),
  contextFull: (tokens, limit) => l10n.t('The prompt has {0} tokens but the model reads at most {1}.', tokens, limit),
  workerDied: () => l10n.t('The language-model worker stopped unexpectedly.'),
  workerHangs: () => l10n.t('The language model does not answer any more: reload the window.'),
  killedForMemory: () => l10n.t('The system ended the editor because memory ran out while this model was loaded: close something, or choose a smaller model.'),
  crashed: () => l10n.t('The extension host crashed while this model ran, in safe mode too: DeltaLLM stays off until you try again.'),
  logitsUnusable: () => l10n.t('The model produced no usable probabilities for the next token: choose another model.'),
  tokenOutOfRange: (id, size) => l10n.t('The token id {0} is outside the vocabulary (0 to {1}).', id, Number(size) - 1),
  cancelled: () => l10n.t('Stopped.'),
  usage: () => l10n.t('DeltaLLM was called in a way that it does not know: please report it.'),
  internal: () => l10n.t('Something went wrong inside DeltaLLM: please report it. The log says more.'),
};

/** One sentence for the user. */
export function localise(error: DeltaError): string {
  return sentences[error.code](...error.args);
}

/** For reports: no folders of the user. */
export function withoutFolders(thrown: unknown): string {
  return asDeltaError(thrown).message.replace(/(?:[A-Za-z]:)?[\\/](?:[^,;()"]*[\\/])?/g, '');
}
