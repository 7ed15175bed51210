// What a GGUF header says of its model, for people who choose one. Nothing of it is trusted.
import type { GgufHeader, Metadata } from '../format/ggufHeader.ts';
import { nameOf, visible } from './names.ts';
import { quantisationOf } from './quantisation.ts';

export interface Description {
  /** False: a part of another model, an adapter, or one that answers with vectors. */
  isLanguageModel: boolean;
  name: string;
  /** '' where the header does not say. */
  architecture: string;
  parameters: number | null;
  /** '' where there are no weights. */
  quantisation: string;
  /** Tokens that the model was trained to read. */
  context: number | null;
  /** Whether it was made to converse. */
  chat: boolean;
}

/** Architectures of encoders, and of parts of other models. */
const NO_LANGUAGE_MODEL = /^(clip|bert|nomic-bert|jina-bert|modern-bert|neo-bert|gemma-embedding|t5encoder|controlvector|wavtokenizer|whisper|imatrix)/i;
const NO_MODEL_TYPES = ['adapter', 'mmproj', 'imatrix', 'controlvector', 'vocab'];
/** The embedded model and its small sister: they complete code and know no conversation. */
const EMBEDDED = /^Starter( Tiny)?$/;
const MAX_ARCHITECTURE = 40;
/** Of a count of parameters or tokens; larger is a mistake. */
const MAX_COUNT = 2 ** 50;

export interface KnownAs {
  /** The name that the program gives, which its users know. */
  name?: string;
  /** Names for a file that says nothing of itself, the best first. */
  hints?: (string | undefined)[];
}

export function describe(header: GgufHeader, { name, hints = [] }: KnownAs = {}): Description {
  const { metadata } = header;
  const architecture = visible(text(metadata, 'general.architecture')).slice(0, MAX_ARCHITECTURE);
  const own = text(metadata, 'general.name');
  const pooling = Number(metadata[`${architecture}.pooling_type`] ?? 0);
  return {
    isLanguageModel: !NO_LANGUAGE_MODEL.test(architecture) && !NO_MODEL_TYPES.includes(text(metadata, 'general.type')) && !(pooling > 0),
    name: name === undefined ? nameOf(own, ...hints) : nameOf(name, own, ...hints),
    architecture,
    parameters: parametersOf(header),
    quantisation: quantisationOf(header),
    context: count(Number(metadata[`${architecture}.context_length`])),
    chat: (text(metadata, 'tokenizer.chat_template').trim() !== '' || architecture.startsWith('bitnet')) && !EMBEDDED.test(own),
  };
}

const text = (metadata: Metadata, key: string): string => (typeof metadata[key] === 'string' ? metadata[key] : '');
const count = (n: number): number | null => (Number.isSafeInteger(n) && n > 0 && n <= MAX_COUNT ? n : null);

/** From the shapes; of a model in several files, whose first holds a part of them, from the label. */
function parametersOf({ metadata, tensors }: GgufHeader): number | null {
  const stated = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const [, experts = '1', amount, unit] = /^(?:(\d+)x)?(\d+(?:\.\d+)?)([KMBT])/i.exec(text(metadata, 'general.size_label')) ?? [];
  const labelled = amount === undefined ? null : count(Math.round(Number(experts) * Number(amount) * { K: 1e3, M: 1e6, B: 1e9, T: 1e12 }[unit.toUpperCase() as 'K']));
  return Number(metadata['split.count'] ?? 1) > 1 ? labelled : (count(stated) ?? labelled);
}
