// Block format v2: the bytes of a full block outside memory. Little-endian, no padding:
//   header (kHeaderBytes): magic "DLKVBLK\n" · u32 format = 2 · recipe[32] · u32 layers, kvHeads, keyLength, valueLength, sinks, reference
//                          (0 previous, 1 mean, 2 mean in a basis: kv/basis.h), count = 64, element (bytes of one element of the exact form: 2 or 4) · i32 base · u32 forms
//                          (1 exact, 2 delta, 3 both)
//   for each layer, for each head: u64 valid
//     exact form: keys[D][64] · values[64][Dv], float16 or float32
//     delta form: u64 extraTokens · u32 packedLength · i16 keyframe[D] · u64 masks[D] · i8 packed[packedLength] · i16 extra[popcount(extraTokens)][D]
//                 · u16 scales[64] · i8 values[64][Dv] · u16 sinkKeys[sinks][D] · u16 sinkValues[sinks][Dv]
//   u64 XXH64 of everything before it
#pragma once
#include "kv/block.h"

namespace deltallm {

constexpr int kRecipeBytes = 32;

/** Which forms of a block are written: bits. */
enum Forms { kExactForm = 1, kDeltaForm = 2 };

/** The forms that the block has now at all layers. */
int formsOf(const Setup &setup, const Block &block);
size_t serializedBytes(const Setup &setup, const Block &block, int forms);
/** `to` has serializedBytes bytes; the block is full and has the forms. */
void serializeBlock(const Setup &setup, const Block &block, int forms, const uint8_t *recipe, uint8_t *to);
/** Trusts nothing. blockForeign: another format, recipe or geometry; blockDamaged: anything else. */
Status parseBlock(const Setup &setup, const uint8_t *bytes, size_t length, const uint8_t *recipe, Block **parsed);

}  // namespace deltallm
