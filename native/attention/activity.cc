// Tiles into shares: each tile's sum is brought to the row's highest maximum, as spans are when they are merged.
#include "attention/activity.h"

#include <string.h>

#include "attention/call.h"

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

const Tiles *Activity::begin(const Setup &setup, int layer, Phase phase, int position, int blocks) {
  if (layer == 0) due_ = wanted_ && phase == Phase::written ? 0 : -1;
  if (layer != due_) return nullptr;
  const size_t tiles = static_cast<size_t>(blocks) * setup.heads, tokens = static_cast<size_t>(position) + 1;
  const bool fits = notes_.atLeast(tiles * (DL_TILE + 2)) && made_.sinks.atLeast(static_cast<size_t>(setup.layers) * setup.heads) && made_.rest.atLeast(static_cast<size_t>(setup.layers) * blocks) &&
                    made_.tokens.atLeast(tokens);
  if (!fits || (layer > 0 && (position != made_.position || blocks != made_.blocks))) {
    due_ = -1;
    return nullptr;
  }
  if (layer == 0) memset(made_.tokens.data(), 0, tokens * sizeof(float));
  made_.position = position;
  made_.blocks = blocks;
  tiles_ = {notes_.data() + tiles * DL_TILE, notes_.data() + tiles * (DL_TILE + 1), notes_.data()};
  for (size_t i = 0; i < tiles; i++) {
    tiles_.maximum[i] = DL_NO_SCORE;
    tiles_.sum[i] = 0;
  }
  return &tiles_;
}

void Activity::finish(const Call &call) {
  const Setup &setup = *call.setup;
  const int heads = setup.heads, blocks = made_.blocks;
  const float share = 1.0f / heads;
  float *rest = made_.rest.data() + static_cast<size_t>(call.layer) * blocks;
  memset(rest, 0, blocks * sizeof(float));
  for (int head = 0; head < heads; head++) {
    float highest = DL_NO_SCORE, total = 0, onSinks = 0;
    for (int e = 0; e < blocks; e++) {
      const size_t i = static_cast<size_t>(e) * heads + head;
      if (tiles_.sum[i] > 0 && tiles_.maximum[i] > highest) highest = tiles_.maximum[i];
    }
    for (int e = 0; e < blocks; e++) {
      const size_t i = static_cast<size_t>(e) * heads + head;
      total += broughtTo(*call.kernels, highest, tiles_.maximum[i], tiles_.sum[i]);
    }
    const float inverse = total > 0 ? 1 / total : 0;
    for (int e = 0; e < blocks; e++) {
      const size_t i = static_cast<size_t>(e) * heads + head;
      if (!(tiles_.sum[i] > 0)) continue;
      const float factor = broughtTo(*call.kernels, highest, tiles_.maximum[i], 1) * inverse;
      const float *weights = tiles_.weights + i * DL_TILE;
      // An entry may hold fewer tokens than fit. What comes behind the row has no weight.
      const Entry &entry = call.entries[e];
      float *tokens = made_.tokens.data() + entry.first;
      const int seen = made_.position + 1 - entry.first, count = entry.count < seen ? entry.count : seen;
      const int sinks = sinkTokens(setup, *entry.block);
      float own = 0;
      for (int t = 0; t < sinks && t < count; t++) onSinks += weights[t] * factor;
      for (int t = sinks; t < count; t++) {
        own += weights[t];
        tokens[t] += weights[t] * factor * share / setup.layers;
      }
      rest[e] += own * factor * share;
    }
    made_.sinks[static_cast<size_t>(call.layer) * heads + head] = onSinks;
  }
  due_ = call.layer + 1;
  if (due_ < setup.layers) return;
  due_ = -1;
  wanted_ = false;
  last_.position = made_.position;
  last_.blocks = blocks;
  last_.sinks.swap(made_.sinks);
  last_.rest.swap(made_.rest);
  last_.tokens.swap(made_.tokens);
}

}  // namespace deltallm
