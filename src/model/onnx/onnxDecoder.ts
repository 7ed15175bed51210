// A folder as it is published for ONNX Runtime → a decoder: the graph cut at its attentions, each part a session of its own, and what its files say of it.
import { DeltaError } from '../../shared/errors.ts';
import { atOnce } from '../../shared/pass.ts';
import { record } from '../../shared/record.ts';
import type { Addon } from '../../binding/addon.ts';
import { tokenizerFromJson } from '../../tokenizer/fromJson.ts';
import { LIMITS, MOST_SCALE } from '../format/architecture.ts';
import { printable } from '../format/ggufHeader.ts';
import { TENSOR_TYPES } from '../format/tensorTypes.ts';
import { flowWidths, type OtherLayers, type RopeConfig, type Shape } from '../manifest.ts';
import type { LoadWeights, ModelFacts, ModelSource } from '../modelSource.ts';
import { NativeEmbedding } from '../run/nativeEmbedding.ts';
import { besideEachOther, OnnxSegment, type Joint } from '../run/onnxSegment.ts';
import { PORTS } from '../run/ports.ts';
import type { Runners } from '../run/segmentRunner.ts';
import { cutDecoder, type CutDecoder, type Part } from './cut.ts';
import { OnnxFile } from './onnxFile.ts';
import { jsonBeside, parsedBeside, textBeside } from './onnxFiles.ts';
import { ELEMENT, numberOf } from './proto.ts';
import { rotationOf } from './rotation.ts';

/** Reads and checks the files; no weights yet. Throws onnxFolderInvalid, onnxUnfit, tokenizerUnknown, metadataInvalid, fileMissing or fileUnreadable. */
export async function openOnnx(path: string): Promise<ModelSource> {
  let opened: { file: OnnxFile; cut: CutDecoder } | undefined = await openAndCut(path);
  const config = record(await jsonBeside(path, 'config.json'));
  const tokenizerText = await textBeside(path, 'tokenizer.json');
  if (Object.keys(config).length === 0 || tokenizerText === undefined) throw new DeltaError('onnxFolderInvalid', path, `it has no ${tokenizerText === undefined ? 'tokenizer.json' : 'config.json'} beside it`);
  const stated = shapeOf(path, config, opened.cut);
  const { positions, ...attends } = await attentionOf(path, opened.file, opened.cut, stated);
  const { size, parameters } = opened.file;
  const shape = { ...stated, context: Math.min(stated.context, positions) };
  const facts: ModelFacts = {
    name: printable(String(config._name_or_path || lastFolder(path))), architecture: printable(String(config.model_type ?? 'onnx')), parameters, shape,
    normEpsilon: positiveOr(config.rms_norm_eps, 1e-6), ...attends, bitsPerWeight: (8 * size) / Math.max(1, parameters),
  };
  const tokenizer = tokenizerFromJson({
    tokenizer: parsedBeside(path, 'tokenizer.json', tokenizerText), tokenizerConfig: await jsonBeside(path, 'tokenizer_config.json'),
    configs: [await jsonBeside(path, 'generation_config.json'), config], template: await textBeside(path, 'chat_template.jinja'),
  }, shape.vocabulary, path);
  return {
    size, shape, tokenizer,
    load: async (addon, options) => {
      const { file, cut } = opened!;
      // A graph may hold all weights: nothing of it stays once they are where they run.
      opened = undefined;
      return { runners: await runnersOf(file, cut, facts, addon, options), facts };
    },
    outputOf: () => { throw new DeltaError('usage', 'This measurement reads weights, which it knows in a GGUF only'); },
  };
}

async function openAndCut(path: string): Promise<{ file: OnnxFile; cut: CutDecoder }> {
  const file = await OnnxFile.open(path);
  return { file, cut: cutDecoder(path, file.model) };
}

/** Apart from whatever reads the file, so that it keeps nothing of it. */
const releaseOf = (made: readonly OnnxSegment[], rows: NativeEmbedding | undefined) => async (): Promise<void> => {
  for (const segment of made) await segment.release();
  rows?.close();
};

const positiveOr = (value: unknown, otherwise: number): number => (typeof value === 'number' && value > 0 && value < 1 ? value : otherwise);
/** The folder of the model: of a graph in `onnx/`, the one above. */
const lastFolder = (path: string): string => path.split(/[\\/]/).slice(0, -1).filter((name) => name !== 'onnx').at(-1) ?? path;

function shapeOf(path: string, config: Record<string, unknown>, { embedding, attention }: CutDecoder): Shape {
  const [vocabulary, hidden] = embedding.dims.map(numberOf);
  const [{ heads, kvHeads, keyLength: stated }] = attention;
  const count = (key: string, value: unknown, most: number): number => {
    if (!(Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most)) throw new DeltaError('onnxFolderInvalid', path, `its ${key} is ${printable(String(value))}`);
    return value as number;
  };
  const keyLength = count('head_dim', stated ?? config.head_dim ?? hidden / heads, LIMITS.headLength);
  const other = attention.find((layer) => layer.heads !== heads || layer.kvHeads !== kvHeads || (layer.keyLength ?? keyLength) !== keyLength);
  if (other) throw new DeltaError('onnxUnfit', path, printable(other.node.name), 'has other heads than the first');
  return {
    layers: attention.length, hidden: count('embedding', hidden, LIMITS.hidden), heads, kvHeads, keyLength, valueLength: keyLength,
    feedForward: count('intermediate_size', config.intermediate_size ?? 4 * hidden, LIMITS.feedForward), vocabulary: count('vocabulary', vocabulary, LIMITS.vocabulary),
    context: count('max_position_embeddings', config.max_position_embeddings ?? 2048, LIMITS.context),
  };
}

/** How the layers attend: alike, but for those that do not turn, or for those that look back no further than a window; and for how many positions. */
async function attentionOf(path: string, file: OnnxFile, { attention }: CutDecoder, { keyLength }: Shape): Promise<Pick<ModelFacts, 'rope' | 'attentionScale' | 'softcap' | 'others'> & { positions: number }> {
  const turning = attention.filter(({ rotary }) => rotary !== undefined);
  const first = turning[0] ?? attention[0];
  const unlike = attention.find(({ scale, softcap, rotary }) => scale !== first.scale || softcap !== first.softcap
    || (rotary && (rotary.cosines !== first.rotary!.cosines || rotary.sines !== first.rotary!.sines || rotary.interleaved !== first.rotary!.interleaved)));
  const unfit = (node: { name: string }, reason: string) => new DeltaError('onnxUnfit', path, printable(node.name), reason);
  if (unlike) throw unfit(unlike.node, 'attends otherwise than the others');
  const attentionScale = first.scale === 0 ? 1 / Math.sqrt(keyLength) : first.scale;
  if (!(attentionScale > 1 / MOST_SCALE && attentionScale < MOST_SCALE && first.softcap >= 0 && first.softcap < MOST_SCALE)) throw unfit(first.node, 'scales its scores by what is no scale');
  let rope: RopeConfig = { base: 10_000, rotated: keyLength, linear: 1 };
  let positions = Infinity;
  if (first.rotary) {
    const { cosines, sines } = first.rotary;
    const [rows, pairs] = cosines.dims.map(numberOf);
    if (cosines.dataType !== ELEMENT.float || sines.dataType !== ELEMENT.float || !(2 * pairs <= keyLength)) throw unfit(first.node, `turns ${2 * pairs} elements of ${keyLength}`);
    const found = rotationOf(await file.floats(cosines), await file.floats(sines), pairs);
    if (!found) throw unfit(first.node, 'turns by tables that are no angles of positions');
    rope = found;
    positions = rows;
  }
  const still = attention.flatMap(({ rotary }, layer) => (rotary ? [] : [layer]));
  const near = attention.flatMap(({ window }, layer) => (window > 0 ? [layer] : []));
  const odd = near.find((layer) => attention[layer].window !== attention[near[0]].window || still.length > 0);
  if (odd !== undefined) throw unfit(attention[odd].node, 'has a window of its own');
  const others: OtherLayers | undefined = still.length > 0 ? { layers: still, window: 0, rope: null } : near.length > 0 ? { layers: near, window: attention[near[0]].window, rope } : undefined;
  return { rope, attentionScale, softcap: first.softcap || undefined, others, positions };
}

async function runnersOf(file: OnnxFile, { embedding, segments, head, attention }: CutDecoder, { shape, rope }: ModelFacts, addon: Addon, { threads, progress = () => {}, pass = atOnce }: LoadWeights): Promise<Runners> {
  const { hidden, layers, vocabulary, keyLength } = shape;
  const flow = flowWidths(shape);
  const made: OnnxSegment[] = [];
  const create = async (part: Part, inputs: Joint[], outputs: Joint[]): Promise<void> => {
    const initializers = [];
    for (const tensor of part.initializers) initializers.push(await file.whole(tensor));
    try {
      made.push(await OnnxSegment.create(file.model, { ...part, initializers }, inputs, outputs, threads));
    } catch (error) {
      throw new DeltaError('onnxUnfit', file.path, part.nodes.at(-1)?.name ?? 'graph', `ends a part that ONNX Runtime does not take (${printable((error as Error).message)})`);
    }
    progress(made.length / (layers + 2));
  };
  let rows: NativeEmbedding | undefined;
  try {
    const type = TENSOR_TYPES.find(({ name }) => name === (embedding.dataType === ELEMENT.float ? 'F32' : 'F16'))!;
    const { path, offset, length } = file.place(embedding);
    if (length !== vocabulary * hidden * type.bytes) throw new DeltaError('onnxFolderInvalid', file.path, `its tensor ${printable(embedding.name)} has ${length} bytes`);
    rows = new NativeEmbedding(addon, { parts: [{ path, size: offset + length }] }, { name: embedding.name, shape: [hidden, vocabulary], type, offset, bytes: length });
    for (const [i, part] of segments.entries()) {
      await pass(async () => {
        const [first, residual] = part.inputs;
        const inputs: Joint[] = i === 0 ? [{ port: PORTS.embedding, tensor: first, width: hidden }] : [{ port: PORTS.attention, tensor: first, width: flow.attention }, { port: PORTS.residual, tensor: residual, width: hidden }];
        const next = attention[i];
        if (!next) return create(part, inputs, [{ port: PORTS.residualOut, tensor: part.outputs[0], width: hidden }]);
        const { part: joined, tensor } = besideEachOther(part, next, keyLength, rope.rotated);
        return create(joined, inputs, [{ port: PORTS.qkv, tensor, width: flow.qkv }, ...(i > 0 ? [{ port: PORTS.residualOut, tensor: part.outputs.at(-1)!, width: hidden }] : [])]);
      });
    }
    await pass(() => create(head, [{ port: PORTS.hidden, tensor: head.inputs[0], width: hidden }], [{ port: PORTS.logits, tensor: head.outputs[0], width: vocabulary }]));
    return { embedding: rows, segments: made.slice(0, -1), head: made.at(-1)!, release: releaseOf(made, rows) };
  } catch (error) {
    await releaseOf(made, rows)();
    throw error;
  }
}
