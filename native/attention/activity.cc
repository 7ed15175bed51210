// Tiles into shares: each tile's sum is brought to the row's highest maximum, as spans are when they are merged.
#include "attention/activity.h"

namespace deltallm {
namespace {

/** `sum` at `maximum`, as it would be at `highest`. */
float broughtTo(const dl_kernels &kernels, float highest, float maximum, float sum) {
  float total = 0;
  kernels.merge(&highest, &total, nullptr, maximum, sum, nullptr, 0);
  return total;
}

}  // namespace

bool Activity::prepare(const Setup &setup) {
  layers_ = setup.layers;
  kvHeads_ = setup.kvHeads;
  return work_.reset(kPhases * layers_ * kvHeads_);
}

TileMass *Activity::begin(const Setup &setup, int layer, Phase phase, int position, int blocks) {
  if (layer == 0) due_ = wanted_ && phase == Phase::written ? 0 : -1;
  if (layer != due_) return nullptr;
  const size_t tiles = static_cast<size_t>(blocks) * setup.heads;
  const bool fits = tiles_.atLeast(tiles) && made_.sinks.atLeast(static_cast<size_t>(setup.layers) * setup.heads) && made_.rest.atLeast(static_cast<size_t>(setup.layers) * blocks);
  if (!fits || (layer > 0 && (position != made_.position || blocks != made_.blocks))) {
    due_ = -1;
    return nullptr;
  }
  made_.position = position;
  made_.blocks = blocks;
  for (size_t i = 0; i < tiles; i++) tiles_[i] = {DL_NO_SCORE, 0, 0};
  return tiles_.data();
}

void Activity::finish(const Setup &setup, const dl_kernels &kernels, int layer) {
  const int heads = setup.heads, blocks = made_.blocks;
  float *rest = made_.rest.data() + static_cast<size_t>(layer) * blocks;
  for (int e = 0; e < blocks; e++) rest[e] = 0;
  for (int head = 0; head < heads; head++) {
    float highest = DL_NO_SCORE, sum = 0, sinks = 0;
    for (int e = 0; e < blocks; e++) {
      const TileMass &tile = tiles_[static_cast<size_t>(e) * heads + head];
      if (tile.sum > 0 && tile.maximum > highest) highest = tile.maximum;
    }
    for (int e = 0; e < blocks; e++) {
      TileMass &tile = tiles_[static_cast<size_t>(e) * heads + head];
      tile.sinks = broughtTo(kernels, highest, tile.maximum, tile.sinks);
      tile.sum = broughtTo(kernels, highest, tile.maximum, tile.sum);
      sum += tile.sum;
      sinks += tile.sinks;
    }
    const float inverse = sum > 0 ? 1 / sum : 0;
    made_.sinks[static_cast<size_t>(layer) * heads + head] = sinks * inverse;
    for (int e = 0; e < blocks; e++) {
      const TileMass &tile = tiles_[static_cast<size_t>(e) * heads + head];
      rest[e] += (tile.sum - tile.sinks) * inverse / heads;
    }
  }
  due_ = layer + 1;
  if (due_ < setup.layers) return;
  due_ = -1;
  wanted_ = false;
  last_.position = made_.position;
  last_.blocks = blocks;
  last_.sinks.swap(made_.sinks);
  last_.rest.swap(made_.rest);
}

}  // namespace deltallm
