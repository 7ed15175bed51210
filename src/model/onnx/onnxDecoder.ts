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
import { cutDecoder, type CutAttention, type CutDecoder, type Part } from './cut.ts';
import { measureAttention, type Attends } from './measuredAttention.ts';
import { OnnxFile } from './onnxFile.ts';
import { jsonBeside, parsedBeside, textBeside } from './onnxFiles.ts';
import { ELEMENT, numberOf, type OnnxTensor } from './proto.ts';
import { rotationOfTables } from './rotation.ts';

/** Reads and checks the files; no weights yet. Throws onnxFolderInvalid, onnxUnfit, tokenizerUnknown, metadataInvalid, fileMissing or fileUnreadable. */
export async function openOnnx(path: string): Promise<ModelSource> {
  let opened: { file: OnnxFile; cut: CutDecoder } | undefined = await openAndCut(path);
  const config = record(await jsonBeside(path, 'config.json'));
  const tokenizerText = await textBeside(path, 'tokenizer.json');
  if (Object.keys(config).length === 0 || tokenizerText === undefined) throw new DeltaError('onnxFolderInvalid', path, `it has no ${tokenizerText === undefined ? 'tokenizer.json' : 'config.json'} beside it`);
  const stated = shapeOf(path, config, opened.cut);
  const { layers, positions } = await attendsOf(opened.file, opened.cut, stated);
  const attends = attentionOf(path, opened.cut.attention, layers);
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
      return { runners: await runnersOf(file, cut, layers, facts, addon, options), facts };
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
  const [first] = attention;
  const count = (key: string, value: unknown, most: number): number => {
    if (!(Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most)) throw new DeltaError('onnxFolderInvalid', path, `its ${key} is ${printable(String(value))}`);
    return value as number;
  };
  const heads = count('num_attention_heads', first.heads ?? config.num_attention_heads, LIMITS.heads);
  const kvHeads = count('num_key_value_heads', first.kvHeads ?? config.num_key_value_heads ?? heads, LIMITS.heads);
  if (heads % kvHeads !== 0) throw new DeltaError('onnxFolderInvalid', path, `its ${heads} query heads cannot share ${kvHeads} KV heads`);
  const keyLength = count('head_dim', first.keyLength ?? config.head_dim ?? hidden / heads, LIMITS.headLength);
  const other = attention.find((layer) => (layer.heads ?? heads) !== heads || (layer.kvHeads ?? kvHeads) !== kvHeads || (layer.keyLength ?? keyLength) !== keyLength);
  if (other) throw new DeltaError('onnxUnfit', path, printable(other.node.name), 'has other heads than the first');
  return {
    layers: attention.length, hidden: count('embedding', hidden, LIMITS.hidden), heads, kvHeads, keyLength, valueLength: keyLength,
    feedForward: count('intermediate_size', config.intermediate_size ?? 4 * hidden, LIMITS.feedForward), vocabulary: count('vocabulary', vocabulary, LIMITS.vocabulary),
    context: count('max_position_embeddings', config.max_position_embeddings ?? 2048, LIMITS.context),
  };
}

/** How every layer attends, as its node states it or as it was measured; and for how many positions. */
async function attendsOf(file: OnnxFile, { graph, attention }: CutDecoder, { heads, kvHeads, keyLength, context }: Shape): Promise<{ layers: Attends[]; positions: number }> {
  const plain = attention.flatMap(({ attends }) => ('softmax' in attends ? [attends] : []));
  const measured = plain.length > 0 ? await measureAttention(file, graph, plain, { heads, kvHeads, keyLength }, context) : [];
  const layers: Attends[] = [];
  let [positions, next] = [Infinity, 0];
  const read = new Map<OnnxTensor, RopeConfig>();
  for (const { node, attends } of attention) {
    if ('softmax' in attends) {
      layers.push(measured[next++]);
      continue;
    }
    const { rotary, scale, softcap, window } = attends;
    let rope: RopeConfig | null = null;
    if (rotary) {
      const { cosines, sines } = rotary;
      const [rows, pairs] = cosines.dims.map(numberOf);
      if (!FLOATS.has(cosines.dataType) || sines.dataType !== cosines.dataType || !(2 * pairs <= keyLength)) throw graph.unfit(node, `turns ${2 * pairs} elements of ${keyLength}`);
      const found = read.get(cosines) ?? rotationOfTables(await file.floats(cosines), await file.floats(sines), pairs);
      if (!found) throw graph.unfit(node, 'turns by tables that are no angles of positions');
      read.set(cosines, found);
      rope = found;
      positions = Math.min(positions, rows);
    }
    layers.push({ scale: scale === 0 ? 1 / Math.sqrt(keyLength) : scale, softcap, window, rope, interleaved: rotary?.interleaved ?? false });
  }
  return { layers, positions };
}

const FLOATS: ReadonlySet<number> = new Set([ELEMENT.float, ELEMENT.float16]);

/** What all layers have in common, and the ones that do not turn, or look back to a window and may turn otherwise. */
function attentionOf(path: string, attention: readonly CutAttention[], layers: readonly Attends[]): Pick<ModelFacts, 'rope' | 'attentionScale' | 'softcap' | 'others'> {
  const kindOf = ({ window, rope, interleaved }: Attends) => JSON.stringify([window, rope, rope && interleaved]);
  const kinds = [...new Set(layers.map(kindOf))].map((kind) => layers.findIndex((layer) => kindOf(layer) === kind));
  const main = kinds.find((at) => layers[at].rope && layers[at].window === 0) ?? kinds.find((at) => layers[at].rope) ?? kinds[0];
  const [second, third] = kinds.filter((at) => at !== main);
  const unfit = (at: number, reason: string) => new DeltaError('onnxUnfit', path, printable(attention[at].node.name), reason);
  const { scale: attentionScale, softcap, rope } = layers[main];
  if (third !== undefined) throw unfit(third, 'attends in a third way');
  if (second !== undefined && layers[main].window > 0) throw unfit(second, 'looks back otherwise than those with a window');
  const unlike = layers.findIndex((layer) => layer.scale !== attentionScale || layer.softcap !== softcap || (layer.rope && rope && layer.interleaved !== layers[main].interleaved));
  if (unlike >= 0) throw unfit(unlike, 'attends otherwise than the others');
  if (!(attentionScale > 1 / MOST_SCALE && attentionScale < MOST_SCALE && softcap >= 0 && softcap < MOST_SCALE)) throw unfit(main, 'scales its scores by what is no scale');
  const all = (at: number): number[] => layers.flatMap((layer, i) => (kindOf(layer) === kindOf(layers[at]) ? [i] : []));
  // Where nothing turns, or all look back to a window, the rule of the others is that of all.
  const special = second ?? (layers[main].window > 0 || !rope ? main : undefined);
  const others: OtherLayers | undefined = special === undefined ? undefined : { layers: all(special), window: layers[special].window, rope: layers[special].rope };
  return { rope: rope ?? { base: 10_000, rotated: 2, linear: 1 }, attentionScale, softcap: softcap || undefined, others };
}

async function runnersOf(file: OnnxFile, { graph, embedding, embeddingScale, segments, head, attention }: CutDecoder, attends: readonly Attends[], { shape }: ModelFacts, addon: Addon, { threads, progress = () => {}, pass = atOnce }: LoadWeights): Promise<Runners> {
  const { hidden, layers, vocabulary } = shape;
  const flow = flowWidths(shape);
  const made: OnnxSegment[] = [];
  const joint = (port: string, tensor: string, width: number, of = tensor): Joint => ({ port, tensor, width, half: graph.elementOf(of) === ELEMENT.float16 });
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
    rows = new NativeEmbedding(addon, { parts: [{ path, size: offset + length }] }, { name: embedding.name, shape: [hidden, vocabulary], type, offset, bytes: length }, embeddingScale);
    for (const [i, part] of segments.entries()) {
      await pass(async () => {
        const [first, residual] = part.inputs;
        const inputs: Joint[] = i === 0 ? [joint(PORTS.embedding, first, hidden)] : [joint(PORTS.attention, first, flow.attention), joint(PORTS.residual, residual, hidden)];
        const next = attention[i];
        if (!next) return create(part, inputs, [joint(PORTS.residualOut, part.outputs[0], hidden)]);
        const { rope, interleaved } = attends[i];
        const { part: joined, tensor } = besideEachOther(part, next.qkv, shape, rope && interleaved ? rope : undefined);
        return create(joined, inputs, [joint(PORTS.qkv, tensor, flow.qkv, next.qkv[0].tensor), ...(i > 0 ? [joint(PORTS.residualOut, part.outputs.at(-1)!, hidden)] : [])]);
      });
    }
    await pass(() => create(head, [joint(PORTS.hidden, head.inputs[0], hidden)], [joint(PORTS.logits, head.outputs[0], vocabulary)]));
    return { embedding: rows, segments: made.slice(0, -1), head: made.at(-1)!, release: releaseOf(made, rows) };
  } catch (error) {
    await releaseOf(made, rows)();
    throw error;
  }
}
