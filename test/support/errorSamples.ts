// For each code of the catalogue, arguments as they occur; the type checker sees to it that none is missing.

import { DeltaError, type ErrorCode } from '../../src/shared/errors.ts';

const samples: { [C in ErrorCode]: DeltaError<C>['args'] } = {
  fileMissing: ['/models/big.gguf'],
  fileUnreadable: ['/models/big.gguf', 'EACCES'],
  folderNotWritable: ['/models/out', 'EROFS'],
  diskFull: ['/models/out', '2.1 GB', '1.0 GB'],
  outputUnwritable: ['Standard output', 'EROFS'],
  notGguf: ['/models/big.gguf', 'it is not a file'],
  ggufTruncated: ['/models/big.gguf', 'the header needs more bytes'],
  ggufLimit: ['/models/big.gguf', 'it has 9 billion tensors'],
  ggufOtherPart: ['/models/big-00002-of-00003.gguf', 2, 3, '/models/big-00001-of-00003.gguf'],
  ggufPartMissing: ['/models/big-00002-of-00003.gguf', 2, 3],
  architectureUnknown: ['mamba', 'llama'],
  tensorTypeUnknown: ['blk.0.attn_q.weight', 'q9_9', 'q4_0'],
  tensorMissing: ['/models/big.gguf', 'blk.0.attn_q.weight'],
  metadataInvalid: ['/models/big.gguf', 'llama.rope.freq_base', 'it is not a number'],
  tokenizerUnknown: ['unigram'],
  vocabularyOnly: ['/models/big.gguf'],
  modelFolderInvalid: ['/models/out', 'manifest.json is missing'],
  noFim: ['chatty-7b'],
  addonMissing: ['linux-x64', '/a/deltallm.node (no such file), /b/deltallm.node (wrong ELF class)'],
  addonVersion: [3, 4],
  kernelSetUnknown: ['avx9', 'scalar, avx2'],
  telemetryNotDisabled: [],
  memoryBudget: ['2.1 GB', '1.0 GB'],
  outOfMemory: [],
  contextFull: [4096, 2048],
  workerDied: ['Worker terminated due to reaching memory limit'],
  crashed: [],
  logitsUnusable: [],
  tokenOutOfRange: [50_000, 49_152],
  cancelled: [],
  usage: ['--threads must be a whole number'],
  internal: ['x is not a function'],
};

export const sampleErrors = (): DeltaError[] => Object.entries(samples).map(([code, args]) => new DeltaError(code as ErrorCode, ...(args as never)));
