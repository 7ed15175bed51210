// The manifest of a model folder: everything the runtime needs besides weights. Written last at import, so that a folder with one is whole.
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import type { DeltaReference } from '../binding/addon.ts';
import type { ThresholdLaw } from '../attention/thresholdLaw.ts';
import type { FileFacts } from './folderCheck.ts';
import { tensorType } from './import/tensorTypes.ts';
import { FORMATS, type WeightFormat } from './import/weightFormats.ts';

/** Raised when a folder made by an older version can no longer be read; part of the recipe id. */
export const FOLDER_FORMAT = 2;

/** Sizes of a decoder; lengths in elements. */
export interface Shape {
  layers: number;
  hidden: number;
  heads: number;
  kvHeads: number;
  keyLength: number;
  valueLength: number;
  feedForward: number;
  vocabulary: number;
  /** Tokens that the model was trained to read. */
  context: number;
}

/** RoPE of every layer, half-split pairing. */
export interface RopeConfig {
  base: number;
  /** Elements of a head that are rotated (even, ≤ keyLength). */
  rotated: number;
  /** Positions are divided by this (linear scaling). */
  linear: number;
  /** `rope_freqs`: divisors of the inverse frequencies, `[rotated / 2]`. */
  factors?: number[];
}

/** How keys are delta-coded; the tables themselves are in `delta.f32` and `delta-compact.f32`: per layer θ then s, each `[kvHeads, keyLength]`. */
export interface DeltaConfig {
  reference: DeltaReference;
  law: ThresholdLaw;
  sinks: number;
  windowMin: number;
  windowMax: number;
  windowDivisor: number;
  /** Key sparsity on the calibration text, per layer, by either table. */
  keySparsity: number[];
  compactSparsity: number[];
  /** Tokens of calibration text. */
  tokens: number;
}

/** One row of the measured table that the head's format was chosen from. */
export interface HeadChoice {
  format: WeightFormat['name'];
  megabytes: number;
  /** Milliseconds for one row, the shortest of several: other work on the cores must not change the choice. */
  ms: number;
  /** Mean cosine of the logits against float32. */
  cosine: number;
  /** Share of positions with the same best token as float32. */
  top1: number;
}

/** The prefill lane's graphs and what was measured of them at import. */
export interface LaneConfig {
  /** One for each of `segments` but the last, of which a prompt needs a single row. */
  files: string[];
  /** Of weights: what the lane takes in memory. */
  bytes: number;
  /** As for the precise segments. */
  rowInvariant: boolean;
  /** On the sample code, exact attention: nats a token on either lane, KL(precise ‖ lane), same best token; error of q/k/v of each layer on the same input. */
  cost: { positions: number; preciseLoss: number; loss: number; kl: number; top1: number; layers: number[] };
}

export interface Manifest {
  format: number;
  name: string;
  architecture: 'llama';
  source: { file: string; bytes: number; sha256: string };
  parameters: number;
  shape: Shape;
  normEpsilon: number;
  rope: RopeConfig;
  embedding: { file: string; type: string };
  /** layers + 1 graphs: before, between and after the attentions. */
  segments: string[];
  head: { file: string; format: WeightFormat['name']; table: HeadChoice[] };
  /** Bits per weight as stored, scales included. */
  bitsPerWeight: number;
  /** Whether a row's result does not depend on the rows beside it, bit for bit, at 1, 17 and 256 rows. */
  rowInvariant: boolean;
  delta: DeltaConfig;
  /** Absent where the model has none. */
  lane?: LaneConfig;
  /** The number of the converter that made the folder; absent before there was one. */
  converter?: number;
  /** Every other file that the import wrote; absent while it is being made. */
  files?: Record<string, FileFacts>;
}

/** Reads and checks `manifest.json` of a model folder. Throws modelFolderInvalid. */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await fs.readFile(join(folder, 'manifest.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new DeltaError('modelFolderInvalid', folder, error.code === 'ENOENT' ? 'it has no manifest.json' : String(error.code));
  });
  const manifest = parseManifest(text, folder);
  for (const file of [manifest.embedding.file, manifest.head.file, ...manifest.segments, ...(manifest.lane?.files ?? [])]) {
    await fs.access(join(folder, file)).catch(() => {
      throw new DeltaError('modelFolderInvalid', folder, `${file} is missing`);
    });
  }
  return manifest;
}

/** The text of a `manifest.json`, every field that the runtime calculates with checked. Throws modelFolderInvalid. */
export function parseManifest(text: string, folder: string): Manifest {
  const invalid = (reason: string) => new DeltaError('modelFolderInvalid', folder, reason);
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    throw invalid('its manifest.json is damaged');
  }
  if (!isRecord(manifest)) throw invalid('its manifest.json is damaged');
  if (manifest.format !== FOLDER_FORMAT) throw invalid(`format ${String(manifest.format).slice(0, 20)} instead of ${FOLDER_FORMAT}`);
  const wrong = faults(manifest).find(([, fine]) => !fine);
  if (wrong) throw invalid(`its manifest.json has no usable ${wrong[0]}`);
  return manifest;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown, most = 2 ** 31): value is number => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
const isPositive = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0;
const isFile = (value: unknown) => typeof value === 'string' && value !== '' && !value.includes('..') && !value.includes('\0');
const isList = (value: unknown, length: number, of: (item: unknown) => boolean) => Array.isArray(value) && value.length === length && value.every(of);

/** Field by field, in an order in which each may rely on those before: its name, and whether it can be worked with. */
function faults(manifest: Manifest): [string, boolean][] {
  const parts = ['shape', 'rope', 'source', 'embedding', 'head', 'delta'] as const;
  const missing = parts.find((part) => !isRecord(manifest[part]));
  if (missing) return [[missing, false]];
  const { shape, rope, source, embedding, head, delta } = manifest;
  const sizes = ['layers', 'hidden', 'heads', 'kvHeads', 'keyLength', 'valueLength', 'feedForward', 'vocabulary', 'context'] as const;
  const wrongSize = sizes.find((size) => !isCount(shape[size]));
  if (wrongSize) return [[`shape.${wrongSize}`, false]];
  const type = tensorType(embedding.type);
  return [
    ['name', typeof manifest.name === 'string'],
    ['architecture', manifest.architecture === 'llama'],
    ['parameters', isPositive(manifest.parameters)],
    ['bitsPerWeight', isPositive(manifest.bitsPerWeight)],
    ['normEpsilon', isPositive(manifest.normEpsilon)],
    ['rowInvariant', typeof manifest.rowInvariant === 'boolean'],
    ['source', typeof source.file === 'string' && typeof source.sha256 === 'string' && Number.isInteger(source.bytes)],
    ['shape.kvHeads', shape.heads % shape.kvHeads === 0],
    ['rope.rotated', isCount(rope.rotated, shape.keyLength) && rope.rotated % 2 === 0],
    ['rope', isPositive(rope.base) && isPositive(rope.linear) && (rope.factors === undefined || isList(rope.factors, rope.rotated / 2, isPositive))],
    ['embedding', isFile(embedding.file) && type !== undefined && shape.hidden % type.block === 0],
    ['segments', isList(manifest.segments, shape.layers + 1, isFile)],
    ['lane', manifest.lane === undefined || isLane(manifest.lane, shape.layers)],
    ['files', manifest.files === undefined || (isRecord(manifest.files) && Object.entries(manifest.files).every(([name, facts]) => isFile(name) && isRecord(facts) && Number.isInteger(facts.bytes) && typeof facts.sha1 === 'string'))],
    ['head', isFile(head.file) && Object.hasOwn(FORMATS, head.format) && Array.isArray(head.table)],
    ['delta', (delta.reference === 'previous' || delta.reference === 'mean') && [delta.sinks, delta.windowMin, delta.windowMax].every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 20)],
    ['delta.windowDivisor', isCount(delta.windowDivisor) && delta.windowMin <= delta.windowMax],
  ];
}

function isLane(lane: unknown, layers: number): boolean {
  if (!isRecord(lane) || !isRecord(lane.cost)) return false;
  const { positions, preciseLoss, loss, kl, top1, layers: errors } = lane.cost;
  return isList(lane.files, layers, isFile) && isPositive(lane.bytes) && typeof lane.rowInvariant === 'boolean' && [positions, preciseLoss, loss, kl, top1].every(Number.isFinite) && isList(errors, layers, Number.isFinite);
}

/** Floats per token that flow between segment and attention. */
export function flowWidths(shape: Shape): { qkv: number; attention: number } {
  return { qkv: (shape.heads + shape.kvHeads) * shape.keyLength + shape.kvHeads * shape.valueLength, attention: shape.heads * shape.valueLength };
}

/** Radians per position of each rotated pair, `[rotated / 2]`: base^(−2i/rotated) / (linear · factor_i). */
export function inverseFrequencies(rope: RopeConfig): Float64Array {
  const half = rope.rotated / 2;
  return Float64Array.from({ length: half }, (_, i) => rope.base ** ((-2 * i) / rope.rotated) / (rope.linear * (rope.factors?.[i] ?? 1)));
}
