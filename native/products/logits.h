// What choosing the next token needs to know of its logits, in one call: the best few, and the sum that turns them into probabilities.
#pragma once
#include <stdint.h>

namespace deltallm {

struct BestLogits {
  int count = 0;   // ids found: fewer than asked for when the others are NaN or −∞
  float top = 0;   // the largest logit; without meaning when count is 0
  double sum = 0;  // Σ e^(logit − top), to 1e-6 of it; with top = +∞: how many are
};

/** The `most` largest, best first, of equals the lower id first; NaN counts as impossible. The same bits on every CPU. */
BestLogits bestLogits(const float *logits, int n, int most, int32_t *ids);

}  // namespace deltallm
