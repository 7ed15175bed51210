// A model in several files, as llama-gguf-split writes it: NAME-00001-of-0000N.gguf, the metadata in the first.
import { writeGguf, type GgufFile, type MetadataEntry, type TensorEntry } from './writeGguf.ts';

export interface SplitOptions {
  /** Tensors in each part; the last takes what is left. */
  tensors: number[];
  /** Changes a part before it is written. */
  change?: (part: GgufFile, no: number) => GgufFile;
}

/** Writes the parts beside each other and gives their paths. `stem`: path without what makes it a part. */
export function writeSplitGguf(stem: string, model: GgufFile & { tensors: TensorEntry[] }, { tensors: sizes, change = (part) => part }: SplitOptions): string[] {
  const count = sizes.length;
  let from = 0;
  return sizes.map((size, no) => {
    const tensors = model.tensors.slice(from, no === count - 1 ? undefined : from + size);
    from += tensors.length;
    const place: MetadataEntry[] = [['split.no', 'u16', no], ['split.count', 'u16', count], ['split.tensors.count', 'i32', model.tensors.length]];
    const path = `${stem}-${String(no + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.gguf`;
    writeGguf(path, change({ ...model, metadata: [...(no === 0 ? model.metadata : []), ...place], tensors }, no));
    return path;
  });
}
