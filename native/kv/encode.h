// Delta coding: from the exact form of a full layer of a block to its delta form, once.
#pragma once
#include "kv/block.h"

namespace deltallm {

/**
 * Makes the delta form of one layer, all heads, from its 64 exact tokens. Closed loop against what is stored:
 * |k − r·s| ≤ max(θ, s/2) for every element unless r·s lies beyond int16. The same bits on every CPU: integers and IEEE double.
 */
Status encodeLayer(const Setup &setup, Block *block, int layer);

}  // namespace deltallm
