// Delta coding: from the exact form of a full layer of a block to its delta form, once, when it is first wanted.
#pragma once
#include "kv/block.h"

namespace deltallm {

/**
 * Makes the delta form of one layer, all heads, from its 64 exact tokens, where it is not there yet. Nothing depends on when: it is a function of the
 * exact form, and what is only read exactly never needs it. Closed loop against what is stored:
 * |k − r·s| ≤ max(θ, s/2) for every element unless r·s lies beyond int16. The same bits on every CPU: integers and IEEE double.
 */
Status encodeLayer(const Setup &setup, Block *block, int layer);
/** The same for all layers of a full block. */
Status encodeBlock(const Setup &setup, Block *block);

}  // namespace deltallm
