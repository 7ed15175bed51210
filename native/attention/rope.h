// Rotary position embedding: angles in double, half-split pairs (i, i + pairs), the rest of a head passes through.
#pragma once
#include "kv/setup.h"

namespace deltallm {

/** cos[pairs] then sin[pairs] of one position, both times ropeScale, as float32. `position` may be negative. The same bits on every CPU. */
void ropeRow(const LayerSetup &layer, int position, float *row);

/** Rotates one head of keyLength elements with a row of ropeRow. */
void rotateHead(const float *from, const float *row, int pairs, int keyLength, float *to);

/** Rows of consecutive positions, kept while (rope group, start, count) stay the same: one computation serves all layers of a step. */
class RopeCache {
 public:
  /** `[tokens, 2·pairs]`, or null when memory is short. */
  const float *rows(const Setup &setup, int layer, int start, int tokens);

 private:
  Array<float> rows_;
  int group_ = -1, start_ = 0, tokens_ = 0;
};

}  // namespace deltallm
