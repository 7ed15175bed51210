// The one definition of a block's bytes in memory: 64 tokens of keys and values of all layers and KV heads.
//
// Exact form, one allocation a block, for each (layer, head): keys transposed `[D][64]`, then values `[64][valueWidth]`;
// float32 in mode exact, float16 in mode delta. Delta form, one allocation a layer, made of 64 tokens when it is first wanted:
// HeadRecord[kvHeads], then for each head, 16-aligned, the parts of DeltaHead in its order, without gaps but before the values.
#pragma once
#include <stdint.h>

#include "kernels/kernels.h"
#include "kv/setup.h"
#include "kv/status.h"

namespace deltallm {

/** What is stored of a delta head beside its parts: where they begin and what their sizes follow from. */
struct HeadRecord {
  uint64_t extraTokens;   // tokens stored as an extra keyframe; their masks are zero in every channel
  uint32_t packedLength;  // non-zero deltas
  uint32_t at;            // offset of the masks in the layer's bytes
};

/** The delta form of one (layer, head): a view into its layer's bytes. Everything is in integer steps of the layer's table. */
struct DeltaHead {
  uint64_t extraTokens;
  uint32_t packedLength;
  uint64_t *masks;      // [D]
  int16_t *keyframe;    // [D]
  uint16_t *scales;     // [64] float16: value = int8 · scale
  int16_t *extra;       // [popcount(extraTokens)][D], tokens ascending
  uint16_t *sinkKeys;   // [sinks][D] float16
  uint16_t *sinkValues; // [sinks][valueWidth] float16
  int8_t *packed;       // [packedLength]; the values behind are DL_PACKED_SLACK readable bytes at least
  int8_t *values;       // [64][valueWidth], 16-aligned
};

struct DeltaLayer {
  uint8_t *bytes = nullptr;  // owned, of allocateCompact
  size_t size = 0;
  const HeadRecord *records() const { return reinterpret_cast<const HeadRecord *>(bytes); }
};

struct Block {
  int references = 1;
  int base = -1;           // absolute position of token 0 when it was encoded
  uint8_t *exact = nullptr;
  size_t exactBytes = 0;
  size_t deltaBytes = 0;
  size_t ownBytes = 0;     // this struct and the arrays below
  int *counts = nullptr;       // [layers] tokens stored
  uint64_t *valid = nullptr;   // [layers, kvHeads] tokens whose key and value are finite
  DeltaLayer *deltas = nullptr;  // [layers]
};

int popcount64(uint64_t bits);
/** The lowest n bits set, n in 0…64. */
inline uint64_t lowBits(int n) { return n >= 64 ? ~0ull : n <= 0 ? 0 : (1ull << n) - 1; }

/** A new empty block with its exact form (or without, for a parsed one); null when memory is short. */
Block *makeBlock(const Setup &setup, bool withExact);
void freeBlock(const Setup &setup, Block *block);

size_t exactHeadBytes(const Setup &setup);
/** Keys `[D][64]` and values `[64][valueWidth]` of the exact form; the element type is the mode's. */
uint8_t *exactKeys(const Setup &setup, const Block &block, int layer, int kvHead);
uint8_t *exactValues(const Setup &setup, const Block &block, int layer, int kvHead);

/** Tokens of the block that lie among the first S of the sequence. */
int sinkTokens(const Setup &setup, const Block &block);

/** Most tokens stored at any layer; the same at all between calls. */
int tokenCount(const Setup &setup, const Block &block);
/** Whether every layer is full. */
bool isFull(const Setup &setup, const Block &block);

/** What the sizes of a delta head's variable parts follow from, to lay out a layer. */
struct DeltaSizes {
  uint64_t extraTokens;
  uint32_t packed;
};
/** Allocates the delta form of one layer with room for the given sizes `[kvHeads]` and sink tokens; records are set, parts zero. */
Status makeDeltaLayer(const Setup &setup, const DeltaSizes *sizes, int sinks, DeltaLayer *layer);
/** The parts of one head of a layer that has its delta form; `sinks` of sinkTokens. */
DeltaHead deltaHead(const Setup &setup, const DeltaLayer &layer, int sinks, int kvHead);
void dropDelta(Block *block, int layer);

/** Decodes one token column-wise for tests and the reference: double `[count, length]`; masked tokens read as NaN. */
Status readKeys(const Setup &setup, const Block &block, int layer, int kvHead, bool delta, double *to);
Status readValues(const Setup &setup, const Block &block, int layer, int kvHead, bool delta, double *to);

}  // namespace deltallm
