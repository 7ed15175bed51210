// What a GGUF's metadata says about the decoder, checked.
import { DeltaError } from '../../shared/errors.ts';
import { inverseFrequencies, type OtherLayers, type RopeConfig, type Shape } from '../manifest.ts';
import { FAMILIES, type Family } from './families.ts';
import type { GgufFile, TensorInfo } from './gguf.ts';
import { yarn } from './ropeScaling.ts';
import { printable, type Metadata, type MetadataScalar } from './ggufHeader.ts';

/** For messages. */
const KNOWN = Object.keys(FAMILIES).join(', ');
/** Above any model that a CPU can run; a larger claim is an attack or a mistake. */
export const LIMITS = { layers: 512, hidden: 65_536, heads: 1_024, headLength: 256, feedForward: 1 << 20, vocabulary: 1 << 20, context: 1 << 24 };
/** Of a factor; a larger one, or what divides by its reciprocal, makes infinities. */
export const MOST_SCALE = 1e6;
/** Of what keeps a norm from dividing by zero, in float32. */
const LEAST_EPSILON = 1e-12;
/** Of a tanh: a smaller one gives nothing but signs. */
const LEAST_CAP = 1e-2;

export interface Architecture {
  name: string;
  family: Family;
  shape: Shape;
  /** What is multiplied with: token rows, what a sub-layer adds, logits, scores. */
  scales: { embedding: number; residual: number; logits: number; attention: number };
  normEpsilon: number;
  rope: RopeConfig;
  /** Tokens that it was trained on before its context was lengthened; no fewer than it has where it was not. */
  trained: number;
  /** c in c·tanh(x / c): of scores, and of logits; undefined for none. */
  softcap?: number;
  logitCap?: number;
  others?: OtherLayers;
}

/** Reads the hyper-parameters of a file with weights. Throws architectureUnknown, metadataInvalid, vocabularyOnly. */
export function readArchitecture(file: GgufFile): Architecture {
  const name = text(file.metadata['general.architecture']);
  const family = Object.hasOwn(FAMILIES, name) ? FAMILIES[name] : undefined;
  if (!family) throw new DeltaError('architectureUnknown', name, KNOWN);
  if (file.tensors.size === 0) throw new DeltaError('vocabularyOnly', file.path);

  const invalid = (key: string, reason: string) => new DeltaError('metadataInvalid', file.path, key, reason);
  const number = (key: string, otherwise?: number): number => {
    const value = file.metadata[`${name}.${key}`];
    if (value === undefined && otherwise !== undefined) return otherwise;
    if (value === undefined) throw invalid(`${name}.${key}`, 'it is missing');
    const one = Array.isArray(value) ? sameInAllLayers(value) : value;
    if (typeof one !== 'number' || !Number.isFinite(one)) throw invalid(`${name}.${key}`, 'it is not one number');
    return one;
  };
  const count = (key: string, most: number, otherwise?: number): number => {
    const n = number(key, otherwise);
    if (!Number.isInteger(n) || n < 1 || n > most) throw invalid(`${name}.${key}`, `${n} is not between 1 and ${most}`);
    return n;
  };

  const hidden = count('embedding_length', LIMITS.hidden);
  const heads = count('attention.head_count', LIMITS.heads);
  const kvHeads = count('attention.head_count_kv', LIMITS.heads, heads);
  if (heads % kvHeads !== 0) throw invalid(`${name}.attention.head_count_kv`, `${heads} query heads cannot share ${kvHeads} KV heads`);
  const keyLength = count('attention.key_length', LIMITS.headLength, hidden / heads);
  const valueLength = count('attention.value_length', LIMITS.headLength, hidden / heads);
  const rotated = count('rope.dimension_count', keyLength, keyLength);
  if (rotated % 2 !== 0) throw invalid(`${name}.rope.dimension_count`, 'it is odd');
  const embedding = file.tensors.get('token_embd.weight');
  if (!embedding) throw new DeltaError('tensorMissing', file.path, 'token_embd.weight');
  const vocabulary = embedding.shape[1] ?? 0;
  if (vocabulary < 1 || vocabulary > LIMITS.vocabulary) throw invalid('token_embd.weight', `${vocabulary} rows`);

  const positive = (key: string, otherwise?: number): number => {
    const value = number(key, otherwise);
    if (!(value > 0)) throw invalid(`${name}.${key}`, 'it is not positive');
    return value;
  };
  const layers = count('block_count', LIMITS.layers);
  const context = count('context_length', LIMITS.context);
  const trained = count('rope.scaling.original_context_length', LIMITS.context, context);
  const turned = { base: positive('rope.freq_base', 10_000), rotated };
  const rope = (): RopeConfig => {
    const stated = file.metadata[`${name}.rope.scaling.type`];
    const scaling = text(stated ?? 'linear');
    const attention = positive('rope.scaling.attn_factor', 1);
    const scale = attention === 1 ? undefined : attention;
    if (scaling === 'none') return { ...turned, linear: 1, scale };
    // The factors of longrope are tensors.
    if (scaling === 'linear' || scaling === 'longrope') return { ...turned, linear: positive('rope.scaling.factor', stated === 'linear' ? undefined : positive('rope.scale_linear', 1)), scale };
    if (scaling !== 'yarn') throw invalid(`${name}.rope.scaling.type`, `"${scaling}" is not supported`);
    if (turned.base <= 1) throw invalid(`${name}.rope.freq_base`, `${turned.base} is not above 1`);
    const [mixed, factor] = [number('rope.scaling.yarn_ext_factor', 1), number('rope.scaling.factor')];
    if (!(mixed >= 0 && mixed <= 1)) throw invalid(`${name}.rope.scaling.yarn_ext_factor`, `${mixed} is not between 0 and 1`);
    if (!(factor >= 1 && factor < MOST_SCALE)) throw invalid(`${name}.rope.scaling.factor`, `${factor} is not between 1 and ${MOST_SCALE}`);
    return yarn(turned, {
      mixed, factor, trained, attention,
      fast: positive('rope.scaling.yarn_beta_fast', 32), slow: positive('rope.scaling.yarn_beta_slow', 1),
    });
  };
  /** As given, where it turns by finite angles. */
  const sound = (config: RopeConfig): RopeConfig => {
    if (!inverseFrequencies(config).every((radians) => radians <= MOST_SCALE) || !((config.scale ?? 1) < MOST_SCALE)) throw invalid(`${name}.rope`, 'what it says makes infinities');
    return config;
  };
  const epsilonKey = family.layerNorm ? 'attention.layer_norm_epsilon' : 'attention.layer_norm_rms_epsilon';
  const normEpsilon = number(epsilonKey);
  if (!(normEpsilon >= LEAST_EPSILON && normEpsilon < 1)) throw invalid(`${name}.${epsilonKey}`, String(normEpsilon));
  if (number('expert_count', 0) > 0) throw invalid(`${name}.expert_count`, 'mixtures of experts are not supported');

  const scale = (key: string | undefined, otherwise = 1): number => {
    const value = key === undefined ? otherwise : number(key, otherwise);
    if (!(value > 1 / MOST_SCALE && value < MOST_SCALE)) throw invalid(`${name}.${key}`, `${value} is no scale`);
    return value;
  };
  const { scales = {}, caps } = family;
  const cap = (own: { key: string; otherwise: number } | undefined): number | undefined => {
    const value = own ? number(own.key, own.otherwise) : 0;
    if (!(value === 0 || (value >= LEAST_CAP && value < MOST_SCALE))) throw invalid(`${name}.${own!.key}`, `${value} is no cap`);
    return value || undefined;
  };
  /** All layers but the last of every so many, or only those. */
  const layersOf = (every: number, last: boolean) => Array.from({ length: layers }, (_, i) => i).filter((i) => ((i + 1) % every === 0) === last);
  const others = (): OtherLayers | undefined => {
    const { local, unturned } = family;
    if (family.unturnedByFlag && file.metadata[`${name}.rope.scaling.finetuned`] === false) return { layers: layersOf(1, true), window: 0, rope: null };
    if (unturned) return { layers: layersOf(unturned, true), window: 0, rope: null };
    const window = local ? number('attention.sliding_window', local.window) : 0;
    if (window === 0) return undefined;
    if (!Number.isInteger(window) || window < 1 || window > LIMITS.context) throw invalid(`${name}.attention.sliding_window`, `${window} is not between 1 and ${LIMITS.context}`);
    const unscaled: RopeConfig = { rotated, linear: 1, base: positive('rope.freq_base_swa', local!.ropeBase ?? turned.base) };
    return { layers: layersOf(local!.every, false), window, rope: sound(unscaled) };
  };

  return {
    name, family,
    scales: { embedding: family.rootScaled ? Math.sqrt(hidden) : scale(scales.embedding), residual: scale(scales.residual), logits: 1 / scale(scales.logits), attention: scale(scales.attention, 1 / Math.sqrt(layers === family.scaledByHidden ? hidden / heads : keyLength)) },
    shape: {
      layers, hidden, heads, kvHeads, keyLength, valueLength,
      feedForward: count('feed_forward_length', LIMITS.feedForward), vocabulary, context,
    },
    normEpsilon,
    rope: sound(rope()), trained, softcap: cap(caps?.scores), logitCap: cap(caps?.logits), others: others(),
  };
}

const sameInAllLayers = (values: MetadataScalar[]) => (values.every((v) => v === values[0]) ? values[0] : undefined);

/** A metadata string for comparison and messages; '' when it is none. */
const text = (value: Metadata[string] | undefined) => (typeof value === 'string' ? printable(value) : '');

/** Hands out the tensors of a file by name and shape, and knows at the end which ones nobody asked for. */
export class TensorSource {
  private readonly used = new Set<string>();

  constructor(readonly file: GgufFile) {}

  /** A matrix [rows, columns] or, with rows 1, a vector. Throws tensorMissing. */
  take(name: string, rows: number, columns: number): TensorInfo {
    const tensor = this.file.tensors.get(name);
    const [k, n = 1, ...rest] = tensor?.shape ?? [];
    if (!tensor || k !== columns || n !== rows || rest.some((d) => d !== 1)) throw new DeltaError('tensorMissing', this.file.path, `${name} of ${rows} × ${columns}`);
    this.used.add(name);
    return tensor;
  }

  has(name: string): boolean {
    return this.file.tensors.has(name);
  }

  /** Throws when a tensor was left over: ignoring it would give wrong numbers. */
  finish(): void {
    for (const name of this.file.tensors.keys()) {
      if (!this.used.has(name)) throw new DeltaError('architectureUnknown', `${text(this.file.metadata['general.architecture'])} with the tensor ${printable(name)}`, KNOWN);
    }
  }
}
