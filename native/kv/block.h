// The one definition of a block's bytes in memory: 64 tokens of keys and values of all layers and KV heads.
//
// Exact form, one allocation a block, for each (layer, head): keys transposed `[D][64]`, then values `[64][valueWidth]`;
// float32 in mode exact, float16 in mode delta. Delta form, one allocation a layer, made when the layer's 64th token arrives.
#pragma once
#include <stdint.h>

#include "kernels/kernels.h"
#include "kv/setup.h"
#include "kv/status.h"

namespace deltallm {

/** The delta form of one (layer, head): a view into its layer's bytes. Everything is in integer steps of the layer's table. */
struct DeltaHead {
  uint64_t valid;         // tokens whose key and value are finite
  uint64_t extraTokens;   // tokens stored as an extra keyframe; their masks are zero in every channel
  uint32_t packedLength;  // non-zero deltas
  const uint64_t *masks;      // [D]
  const int8_t *packed;       // [packedLength], DL_PACKED_SLACK behind
  const int16_t *keyframe;    // [D]
  const int16_t *extra;       // [popcount(extraTokens)][D], tokens ascending
  const int8_t *values;       // [64][valueWidth]
  const uint16_t *scales;     // [64] float16: value = int8 · scale
  const uint16_t *sinkKeys;   // [sinks][D] float16
  const uint16_t *sinkValues; // [sinks][valueWidth] float16
};

struct DeltaLayer {
  uint8_t *bytes = nullptr;  // owned; begins with DeltaHead[kvHeads]
  size_t size = 0;
  const DeltaHead *heads() const { return reinterpret_cast<const DeltaHead *>(bytes); }
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
/** Whether every layer is full and, in mode delta, has its delta form. */
bool isComplete(const Setup &setup, const Block &block);

/** Sizes of a delta head's variable parts, to lay out a layer. */
struct DeltaSizes {
  uint32_t packed;
  int extra;
  int sinks;
};
/** Allocates the delta form of one layer with room for the given sizes `[kvHeads]`; pointers are set, contents zero. */
Status makeDeltaLayer(const Setup &setup, const DeltaSizes *sizes, DeltaLayer *layer);
void dropDelta(Block *block, int layer);

/** Decodes one token column-wise for tests and the reference: double `[count, length]`; masked tokens read as NaN. */
Status readKeys(const Setup &setup, const Block &block, int layer, int kvHead, bool delta, double *to);
Status readValues(const Setup &setup, const Block &block, int layer, int kvHead, bool delta, double *to);

}  // namespace deltallm
