// What the runtime knows of a model besides its weights: what its GGUF says, and how its keys are delta-coded. As `manifest.json` it lies beside what was measured.
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { isRecord } from '../shared/record.ts';
import type { DeltaReference } from '../binding/addon.ts';
import type { ThresholdLaw } from '../attention/thresholdLaw.ts';

/** Raised when a folder made by an older version can no longer be read; part of the recipe id. */
export const FOLDER_FORMAT = 3;

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

/** RoPE, half-split pairing. */
export interface RopeConfig {
  base: number;
  /** Elements of a head that are rotated (even, ≤ keyLength). */
  rotated: number;
  /** Positions are divided by this (linear scaling). */
  linear: number;
  /** `rope_freqs`, YaRN: divisors of the inverse frequencies, `[rotated / 2]`. */
  factors?: number[];
  /** Multiplies cosine and sine (YaRN); absent for 1. */
  scale?: number;
}

/** Layers that attend otherwise than the rest of their model. */
export interface OtherLayers {
  /** Counted from 0, ascending. */
  layers: number[];
  /** Tokens that a query looks back, itself included; 0 for all. */
  window: number;
  /** null: nothing turns. */
  rope: RopeConfig | null;
}

/** How keys are delta-coded; the tables themselves are files of their own (`measured.ts`). */
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
  /** Keys are coded in a basis, with this power of the importance (0: none). Absent: as they are. */
  basis?: { power: number };
}

/** Of a file that was written: its length and SHA-1; against accidents, not against an attacker, who could write the manifest too. */
export interface FileFacts {
  bytes: number;
  sha1: string;
}

export interface Manifest {
  format: number;
  name: string;
  architecture: string;
  /** The GGUF: its path, relative to the folder of the manifest; its length, all parts together; twelve digits of what it holds (`identity.ts`). */
  source: { file: string; bytes: number; identity: string };
  parameters: number;
  shape: Shape;
  normEpsilon: number;
  rope: RopeConfig;
  /** Scores are multiplied by this before softmax. */
  attentionScale: number;
  /** c in c·tanh(score / c) before softmax; absent for none. */
  softcap?: number;
  /** Absent where all layers are alike. */
  others?: OtherLayers;
  /** Of the matrices as they lie in the file, scales included; the embedding only where it is the head too. */
  bitsPerWeight: number;
  delta: DeltaConfig;
  /** The number of the method that measured it. */
  method: number;
  /** Every other file that was written with it. */
  files: Record<string, FileFacts>;
}

/** Reads and checks `manifest.json` of a model folder. Throws modelFolderInvalid. */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await fs.readFile(join(folder, 'manifest.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new DeltaError('modelFolderInvalid', folder, error.code === 'ENOENT' ? 'it has no manifest.json' : String(error.code));
  });
  return parseManifest(text, folder);
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

const isCount = (value: unknown, most = 2 ** 31): value is number => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
const isPositive = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0;
const isFile = (value: unknown) => typeof value === 'string' && value !== '' && !value.includes('..') && !value.includes('\0');
const isList = (value: unknown, length: number, of: (item: unknown) => boolean) => Array.isArray(value) && value.length === length && value.every(of);

/** Field by field, in an order in which each may rely on those before: its name, and whether it can be worked with. */
function faults(manifest: Manifest): [string, boolean][] {
  const parts = ['shape', 'rope', 'source', 'delta', 'files'] as const;
  const missing = parts.find((part) => !isRecord(manifest[part]));
  if (missing) return [[missing, false]];
  const { shape, rope, source, delta, files } = manifest;
  const sizes = ['layers', 'hidden', 'heads', 'kvHeads', 'keyLength', 'valueLength', 'feedForward', 'vocabulary', 'context'] as const;
  const wrongSize = sizes.find((size) => !isCount(shape[size]));
  if (wrongSize) return [[`shape.${wrongSize}`, false]];
  return [
    ['name', typeof manifest.name === 'string'],
    ['architecture', typeof manifest.architecture === 'string'],
    ['parameters', isPositive(manifest.parameters)],
    ['bitsPerWeight', isPositive(manifest.bitsPerWeight)],
    ['normEpsilon', isPositive(manifest.normEpsilon)],
    ['attentionScale', isPositive(manifest.attentionScale)],
    ['source', typeof source.file === 'string' && source.file !== '' && !source.file.includes('\0') && typeof source.identity === 'string' && Number.isInteger(source.bytes)],
    ['shape.kvHeads', shape.heads % shape.kvHeads === 0],
    ['rope.rotated', isCount(rope.rotated, shape.keyLength) && rope.rotated % 2 === 0],
    ['rope', isRope(rope, shape)],
    ['softcap', manifest.softcap === undefined || isPositive(manifest.softcap)],
    ['others', manifest.others === undefined || isOthers(manifest.others, shape)],
    ['files', Object.entries(files).every(([name, facts]) => isFile(name) && isRecord(facts) && Number.isInteger(facts.bytes) && typeof facts.sha1 === 'string')],
    ['method', Number.isInteger(manifest.method)],
    ['delta', (delta.reference === 'previous' || delta.reference === 'mean') && [delta.sinks, delta.windowMin, delta.windowMax].every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 20)],
    ['delta.keySparsity', [delta.keySparsity, delta.compactSparsity].every((shares) => isList(shares, shape.layers, Number.isFinite))],
    ['delta.basis', delta.basis === undefined || (isRecord(delta.basis) && delta.reference === 'mean' && (delta.basis.power === 0 || isPositive(delta.basis.power)))],
    ['delta.windowDivisor', isCount(delta.windowDivisor) && delta.windowMin <= delta.windowMax],
  ];
}

function isRope(rope: unknown, { keyLength }: Shape): boolean {
  if (!isRecord(rope) || !isCount(rope.rotated, keyLength) || rope.rotated % 2 !== 0) return false;
  return [rope.base, rope.linear, rope.scale ?? 1].every(isPositive) && (rope.factors === undefined || isList(rope.factors, rope.rotated / 2, isPositive));
}

function isOthers(others: unknown, shape: Shape): boolean {
  if (!isRecord(others) || !Array.isArray(others.layers) || !others.layers.every((layer) => Number.isInteger(layer) && layer >= 0 && layer < shape.layers)) return false;
  return (others.window === 0 || isCount(others.window)) && (others.rope === null || isRope(others.rope, shape));
}

/** Floats per token that flow between segment and attention. */
export function flowWidths(shape: Shape): { qkv: number; attention: number } {
  return { qkv: (shape.heads + shape.kvHeads) * shape.keyLength + shape.kvHeads * shape.valueLength, attention: shape.heads * shape.valueLength };
}

/** Radians per position of each rotated pair, `[rotated / 2]`: base^(−2i/rotated) / (linear · factor_i); empty where nothing turns. */
export function inverseFrequencies(rope: RopeConfig | null): Float64Array {
  if (!rope) return new Float64Array(0);
  const half = rope.rotated / 2;
  return Float64Array.from({ length: half }, (_, i) => rope.base ** ((-2 * i) / rope.rotated) / (rope.linear * (rope.factors?.[i] ?? 1)));
}
