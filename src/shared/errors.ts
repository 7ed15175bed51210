// The one catalogue of failures: a code, the sentence a user reads, and (where there is one) what the user can do.
// Native code and the worker send codes and arguments; the sentence is made here. Cancellation is not an error.

export const errorSentences = {
  // Files and folders
  fileMissing: (path: string) => `There is no file at ${path}: check the path.`,
  fileUnreadable: (path: string, reason: string) => `${path} cannot be read (${reason}).`,
  folderNotWritable: (path: string, reason: string) => `${path} cannot be written (${reason}): choose another folder.`,
  diskFull: (path: string, needed: string, free: string) => `${path} needs ${needed} but only ${free} are free: make room or choose another folder.`,
  downloadUnreachable: (host: string, reason: string) => `${host} does not answer (${reason}): check the network and VS Code's proxy setting, then download again; what has come is kept.`,
  downloadRefused: (host: string, answer: string) => `${host} does not give the file (${answer}): try again later, or name a mirror in the settings.`,
  certificateUntrusted: (host: string, reason: string) => `The certificate of ${host} is not trusted (${reason}): add your organisation's certificate to those of the system.`,
  downloadDamaged: (name: string, host: string) => `${name} did not arrive as ${host} says it is (its SHA-256 or size differs) and was removed: download it again.`,
  // A team's own server
  serverAddressInvalid: (address: string) => `The setting deltallm.remote.url is not the address of a server (${address}): it begins with http:// or https://.`,
  serverUnreachable: (host: string, reason: string) => `${host} does not answer (${reason}): check that the server runs, the network, and VS Code's proxy setting.`,
  serverRefusesKey: (host: string) => `${host} refuses the key: set it with "DeltaLLM: Set Server Key…".`,
  serverLacksModel: (host: string, what: string) => `${host} does not have ${what}: check the settings under deltallm.remote.`,
  serverNamesNoModel: (host: string) => `${host} names no model: load one there, or name one in the settings under deltallm.remote.`,
  serverSlow: (host: string) => `${host} takes longer than the latency budget.`,
  serverBusy: (host: string) => `${host} has too much to do at the moment.`,
  serverLoading: (host: string) => `${host} is still loading its model.`,
  serverFailed: (host: string, answer: string) => `${host} failed (${answer}): whoever looks after it may find the reason in its log.`,
  serverRedirects: (host: string, to: string) => `${host} sends on to ${to}, which is not followed: put the right address into deltallm.remote.url.`,
  serverAnswerInvalid: (host: string, what: string) => `${host} answered with ${what}, as no model server does: check the address in deltallm.remote.url.`,
  mayNotGo: (host: string) => `This text seems to hold a password or a key, so that it was not sent to ${host}: take that out, or choose a chat model on this computer.`,
  outputUnwritable: (stream: string, reason: string) => `${stream} cannot be written (${reason}): make room, or send it elsewhere.`,
  // Models
  notGguf: (path: string, reason: string) => `${path} is not a usable GGUF file (${reason}): download it again or choose another model.`,
  ggufTruncated: (path: string, reason: string) => `${path} is cut short (${reason}): download it again.`,
  ggufLimit: (path: string, what: string) => `${path} is refused because ${what}: no real model looks like that.`,
  ggufOtherPart: (path: string, no: number, count: number, first: string) => `${path} is part ${no} of ${count} of a model: choose its first part, ${first}.`,
  ggufPartMissing: (path: string, no: number, count: number) => `Part ${no} of ${count} of the model is missing: put ${path} beside the others.`,
  architectureUnknown: (name: string, known: string) => `The model architecture "${name}" is not supported; supported: ${known}.`,
  tensorTypeUnknown: (tensor: string, type: string, known: string) => `The tensor ${tensor} has type ${type}, which is not supported; supported: ${known}.`,
  tensorMissing: (path: string, tensor: string) => `${path} has no usable tensor ${tensor}: the file is incomplete or of another architecture.`,
  metadataInvalid: (path: string, key: string, reason: string) => `${path} has no usable metadata ${key} (${reason}).`,
  tokenizerUnknown: (kind: string) => `The tokenizer "${kind}" is not supported; supported: byte-level BPE ("gpt2"), SentencePiece ("llama").`,
  vocabularyOnly: (path: string) => `${path} holds a vocabulary but no weights: it can tokenize, not complete.`,
  modelFolderInvalid: (path: string, reason: string) => `${path} is no folder of what was measured of a model (${reason}): choose the GGUF itself.`,
  onnxUnfit: (path: string, node: string, reason: string) => `${path} cannot run here: its node ${node} ${reason}. Choose another file of the model, or its GGUF.`,
  onnxFolderInvalid: (path: string, reason: string) => `${path} is no usable ONNX model (${reason}): download it again, or choose its GGUF.`,
  noChatModel: () => 'No chat model is chosen: choose one in the chat view.',
  noFim: (name: string) => `The model ${name} has no fill-in-the-middle tokens: it cannot complete at a cursor; choose another model.`,
  // Conversations
  templateInvalid: (name: string, reason: string) => `The chat template of ${name} cannot be used (${reason}): choose another chat model.`,
  templateRefused: (name: string, reason: string) => `The chat template of ${name} refuses this conversation (${reason}): begin a new one or choose another chat model.`,
  templateTooLarge: (name: string, reason: string) => `The chat template of ${name} was stopped because ${reason}: no template needs that, choose another chat model.`,
  promptFileInvalid: (path: string, reason: string) => `The prompt file ${path} cannot be used (${reason}): correct it or delete it.`,
  // Runtime
  addonMissing: (platform: string, tried: string) => `The native part of DeltaLLM could not be loaded for ${platform}; tried: ${tried}.`,
  addonVersion: (found: number, wanted: number) => `The native part of DeltaLLM has interface version ${found}, but ${wanted} is needed: install DeltaLLM again, or build it again in a checkout.`,
  kernelSetUnknown: (name: string, known: string) => `The set of CPU kernels "${name}" is unknown; known here: ${known}.`,
  telemetryNotDisabled: () => 'ORT_DISABLE_TELEMETRY=1 must be set before ONNX Runtime is loaded.',
  memoryBudget: (needed: string, budget: string) => `The KV cache needs ${needed} but may use only ${budget}: raise the budget or shorten the prompt.`,
  modelTooLarge: (name: string, needed: string, available: string) => `${name} needs ${needed} of memory but only ${available} are free: close something, or choose a smaller model.`,
  outOfMemory: () => 'There is too little free memory: close something, or choose a smaller model or a smaller cache.',
  contextFull: (tokens: number, limit: number) => `The prompt has ${tokens} tokens but the model reads at most ${limit}: shorten it.`,
  workerDied: (reason: string) => `The language-model worker stopped unexpectedly (${reason}).`,
  workerHangs: () => 'The language model does not answer any more: reload the window.',
  killedForMemory: () => 'The system ended the editor because memory ran out while this model was loaded: close something, or choose a smaller model.',
  crashed: () => 'The extension host crashed while this model ran, in safe mode too: DeltaLLM stays off until you try again.',
  logitsUnusable: () => 'The model produced no usable probabilities for the next token: choose another model.',
  tokenOutOfRange: (id: number, size: number) => `The token id ${id} is outside the vocabulary (0 to ${size - 1}).`,
  // Not a failure: the way a stopped load or import ends. Nobody shows it.
  cancelled: () => 'Stopped.',
  // Misuse; the command line adds where to find help
  usage: (reason: string) => `${reason}.`,
  internal: (reason: string) => `Something went wrong inside DeltaLLM (${reason}): please report it.`,
} as const satisfies Record<string, (...args: never[]) => string>;

export type ErrorCode = keyof typeof errorSentences;

/** They say that the model file that was chosen cannot be used here: another one may. */
export const modelFileCodes: ReadonlySet<ErrorCode> = new Set([
  'fileMissing', 'fileUnreadable', 'notGguf', 'ggufTruncated', 'ggufLimit', 'ggufOtherPart', 'ggufPartMissing', 'architectureUnknown', 'tensorTypeUnknown', 'tensorMissing',
  'metadataInvalid', 'tokenizerUnknown', 'vocabularyOnly', 'modelFolderInvalid', 'noFim', 'modelTooLarge', 'killedForMemory', 'logitsUnusable',
]);
type Arguments<C extends ErrorCode> = Parameters<(typeof errorSentences)[C]>;

/** A failure with a catalogue code; `message` is one sentence for the user. */
export class DeltaError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'DeltaError';
  readonly args: Arguments<C>;

  constructor(
    readonly code: C,
    ...args: Arguments<C>
  ) {
    super(oneLine((errorSentences[code] as (...a: unknown[]) => string)(...args)));
    this.args = args;
  }
}

/** Paths and names come from outside: a message is one line and cannot steer a terminal. */
const oneLine = (text: string) => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');

/** Turns anything thrown into a DeltaError; what is not ours becomes `internal` with its message on one line. */
export function asDeltaError(thrown: unknown): DeltaError {
  if (thrown instanceof DeltaError) return thrown;
  // Of another bundle, which has a class of its own.
  if (thrown instanceof Error && thrown.name === 'DeltaError') {
    const { code, args } = thrown as DeltaError;
    if (Object.hasOwn(errorSentences, code) && Array.isArray(args)) return new DeltaError(code, ...(args as never));
  }
  // Native code sends codes, not sentences.
  if ((thrown as { code?: unknown } | undefined)?.code === 'outOfMemory') return new DeltaError('outOfMemory');
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new DeltaError('internal', reason.replace(/\s+/g, ' ').trim());
}
