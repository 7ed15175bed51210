// One attend as plain structs, and the scratch that a thread needs for it.
#pragma once
#include "attention/activity.h"
#include "kernels/kernels.h"
#include "kv/block.h"

namespace deltallm {

constexpr int kSpanEntries = 16;   // entries whose online softmax is one partial; part of the canonical order
constexpr int kGroupRows = 64;     // rows (token, query head of one KV head) that share a pass over the tiles, at least one token

/** One entry of the block table, resolved. */
struct Entry {
  Block *block;
  int first;  // placed position of its first token
  int count;  // tokens used
  int delta;  // placed − encoded position
};

/** Consecutive new tokens in one placed block: they share regions. */
struct QueryGroup {
  int token;  // first new token
  int tokens;
  int block;  // placed block index
};

struct Call {
  const Setup *setup;
  const dl_kernels *kernels;
  int layer;
  const Entry *entries;
  int entryCount;
  int start, tokens;
  const float *qkv;
  float *out;
  const int32_t *cancel;
  const float *rope;  // [tokens, 2·pairs] of the new tokens
  const float *q;     // [kvHeads, tokens, group, keyLength], rotated to their placed position
  Phase phase;
  const Tiles *tiles; // of the first new token, where it is sampled; else null

  const LayerSetup &own() const { return setup->layer[layer]; }
  int qkvWidth() const { return (setup->heads + setup->kvHeads) * setup->keyLength + setup->kvHeads * setup->valueLength; }
};

/** Working memory of one thread; `rows` is the most rows of a group. */
struct Scratch {
  Array<float> memory;
  float *keys;        // [D][64]
  float *values;      // [64][valueWidth]
  float *scores;      // [rows][64]
  float *sinkScores;  // [rows][64]
  float *moved;       // [rows][D] queries rotated to i − δ
  float *scaled;      // [rows][D] queries times the step table; in the basis, where there is one
  float *unit;        // [rows] what one whole number of `rounded` is worth
  float *weightUnit;  // [rows] and one of `weights`
  float *turned;      // [rows][D] queries rotated to i − δ − origin, with a basis
  float *angles;      // [2·D] one position's cosines and sines
  float *acc, *totalAcc;       // [rows][valueWidth]
  float *maximum, *sum, *alpha, *totalMaximum, *totalSum;  // [rows]
  Array<uint64_t> lanes;       // [rows]
  Array<int16_t> whole;
  int16_t *rounded;   // [rows][DL_EVEN(D)] `scaled` in whole numbers
  int16_t *weights;   // [rows][64] a far tile's softmax in whole numbers
  int movedBy = 0;             // δ that `moved` holds; 0: none
  const float *scaledFrom = nullptr;  // what `scaled` and `rounded` were made from; null: nothing
  int scaledBy = 0;            // δ + origin that it is turned by, with a basis
  Array<Work> work;            // [kvHeads]; dense is not counted here

  bool prepare(const Setup &setup, int rows);
};

/** A partial result: maximum, sum and accumulator of each row. */
struct Partial {
  float *maximum, *sum, *acc;
};

/** So many table entries, at one KV head. */
struct Span {
  int kvHead, index;
};

/** Accumulates the entries of a span for one query group into `partial`, which is initialised; asks the memory for the first of `next`, if there is one. False when cancelled. */
bool attendSpan(const Call &call, const QueryGroup &group, const Span &span, const Span &next, Scratch *scratch, const Partial &partial);

bool isCancelled(const int32_t *word);

}  // namespace deltallm
