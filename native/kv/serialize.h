// Block format v1: the bytes of a full block outside memory. Little-endian, no padding:
//   header (kHeaderBytes): magic "DLKVBLK\n" · u32 format = 1 · recipe[32] · u32 layers, kvHeads, keyLength, valueLength, sinks, reference
//                          (0 previous, 1 mean), count = 64 · i32 base
//   for each layer, for each head: u64 valid · u64 extraTokens · u32 packedLength · i16 keyframe[D] · u64 masks[D] · i8 packed[packedLength]
//                          · i16 extra[popcount(extraTokens)][D] · u16 scales[64] · i8 values[64][Dv] · u16 sinkKeys[sinks][D] · u16 sinkValues[sinks][Dv]
//   u64 XXH64 of everything before it
#pragma once
#include "kv/block.h"

namespace deltallm {

constexpr int kRecipeBytes = 32;

size_t serializedBytes(const Setup &setup, const Block &block);
/** `to` has serializedBytes bytes; the block is complete (mode delta). */
void serializeBlock(const Setup &setup, const Block &block, const uint8_t *recipe, uint8_t *to);
/** Trusts nothing. blockForeign: another format, recipe or geometry; blockDamaged: anything else. */
Status parseBlock(const Setup &setup, const uint8_t *bytes, size_t length, const uint8_t *recipe, Block **parsed);

}  // namespace deltallm
