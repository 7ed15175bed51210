// Attention in one node of ONNX Runtime's, which states how it attends.
import { printable } from '../format/ggufHeader.ts';
import type { OnnxGraph } from './graph.ts';
import { attributeOf, integerOf } from './graph.ts';
import type { HeadRows } from './plainAttention.ts';
import { numberOf, type OnnxNode, type OnnxTensor } from './proto.ts';

const KNOWN_ATTRIBUTES = new Set(['num_heads', 'kv_num_heads', 'scale', 'do_rotary', 'rotary_interleaved', 'local_window_size', 'softcap', 'smooth_softmax', 'qk_output', 'kv_cache_bit_width']);

export interface GroupQuery {
  /** Queries, keys and values before they turn; one tensor where they lie side by side. */
  qkv: HeadRows[];
  heads: number;
  kvHeads: number;
  /** Of the keys that the graph wants to be given, where it says so. */
  keyLength: number | undefined;
  /** 0: 1/√(key length). */
  scale: number;
  softcap: number;
  /** Tokens that a query looks back; 0 for all. */
  window: number;
  /** Cosines and sines `[positions, pairs]`; undefined where nothing turns. */
  rotary: { cosines: OnnxTensor; sines: OnnxTensor; interleaved: boolean } | undefined;
}

export const isGroupQuery = ({ opType, domain }: OnnxNode): boolean => opType === 'GroupQueryAttention' && domain === 'com.microsoft';

/** Throws onnxUnfit. */
export function groupQuery(graph: OnnxGraph, node: OnnxNode): GroupQuery {
  const int = (name: string, otherwise: number) => integerOf(node, name, otherwise);
  const float = (name: string) => attributeOf(node, name)?.f ?? 0;
  const unknown = node.attribute.find(({ name }) => !KNOWN_ATTRIBUTES.has(name));
  if (unknown) throw graph.unfit(node, `has the attribute ${printable(unknown.name)}`);
  if (int('smooth_softmax', 0) !== 0 || int('qk_output', 0) !== 0 || int('kv_cache_bit_width', 0) !== 0) throw graph.unfit(node, 'asks for more than softmax over keys');
  const beyond = node.input.findIndex((name, i) => i > 9 && name !== '');
  if (beyond >= 0) throw graph.unfit(node, `reads ${printable(node.input[beyond])} besides queries, keys and values`);
  const [heads, kvHeads] = [int('num_heads', 0), int('kv_num_heads', 0)];
  if (!(heads >= 1 && kvHeads >= 1 && heads % kvHeads === 0)) throw graph.unfit(node, `has ${heads} heads for queries and ${kvHeads} for keys`);
  const window = int('local_window_size', -1);
  const separate = node.input[1] !== undefined && node.input[1] !== '';
  const stated = separate ? node.input.slice(0, 3) : [node.input[0]];
  if (stated.length !== (separate ? 3 : 1) || stated.some((name) => !name)) throw graph.unfit(node, 'has no queries, keys and values');

  let { qkv, rotary } = { qkv: stated, rotary: undefined as GroupQuery['rotary'] };
  const turning = (cosines: string | undefined, sines: string | undefined, interleaved: boolean): GroupQuery['rotary'] => {
    const [c, s] = [cosines, sines].map((name) => graph.initializers.get(name ?? ''));
    if (!c || !s) throw graph.unfit(node, 'turns its queries and keys by what is no constant');
    return { cosines: c, sines: s, interleaved };
  };
  if (int('do_rotary', 0) !== 0) rotary = turning(node.input[7], node.input[8], int('rotary_interleaved', 0) !== 0);
  else if (separate) {
    const turned = stated.slice(0, 2).map((name) => graph.maker(name)).map((maker) => (maker?.opType === 'RotaryEmbedding' && maker.domain === 'com.microsoft' ? maker : undefined));
    const [q, k] = turned;
    if ((q === undefined) !== (k === undefined)) throw graph.unfit(node, 'turns only one of queries and keys');
    if (q && k) {
      const scale = attributeOf(q, 'scale')?.f ?? 1;
      if (scale !== 1 || q.input[2] !== k.input[2] || q.input[3] !== k.input[3] || integerOf(q, 'interleaved', 0) !== integerOf(k, 'interleaved', 0)) throw graph.unfit(q, 'does not turn as the keys do');
      rotary = turning(q.input[2], q.input[3], integerOf(q, 'interleaved', 0) !== 0);
      qkv = [q.input[0], k.input[0], stated[2]];
    }
  }
  const length = graph.input(node.input[3])?.type?.tensorType?.shape?.dim[3];
  return {
    qkv: qkv.map((tensor): HeadRows => ({ tensor, lies: 'together' })), heads, kvHeads, scale: float('scale'), softcap: float('softcap'), window: Math.max(0, window), rotary,
    keyLength: length && numberOf(length.dimValue) > 0 ? numberOf(length.dimValue) : undefined,
  };
}
