// Reference `previous`: d_t = k_t − r_{t−1}·s is kept when |d| ≥ θ, as n = round(d/s) steps, r_t = r_{t−1} + n.
// Reference `mean`: the same against the block's rounded mean, without accumulation.
// A token with |n| > 127 in any channel is stored whole, as an extra keyframe. Masked tokens change nothing.
#include "kv/encode.h"

#include <math.h>
#include <string.h>

#include "kv/half.h"

namespace deltallm {
namespace {

constexpr int kStepLimit = 32767;  // int16, symmetric
constexpr int kDeltaLimit = 127;   // int8, symmetric

/** Nearest integer, halves to even, as a double: adding 1.5·2^52 leaves no fraction bits. |x| < 2^51. */
inline double nearest(double x) { return (x + 6755399441055744.0) - 6755399441055744.0; }

inline int keyframeStep(double x) { return static_cast<int>(nearest(x > kStepLimit ? kStepLimit : x < -kStepLimit ? -kStepLimit : x)); }

using Keys = double[kBlockTokens][kMaxLength];

/** One head on its way to the delta form. */
struct Draft {
  uint64_t valid = 0, extraTokens = 0;
  uint32_t packed = 0;
  int extra = 0;
  double step[kMaxLength], inverse[kMaxLength], threshold[kMaxLength];
  int32_t running[kMaxLength];
  int16_t keyframe[kMaxLength];
  int8_t deltas[kBlockTokens][kMaxLength];
  int16_t extras[kBlockTokens][kMaxLength];
};

void loadKeys(const Setup &setup, const Block &block, int layer, int h, Keys &to, Draft *draft) {
  const int D = setup.keyLength;
  const uint16_t *keys = reinterpret_cast<const uint16_t *>(exactKeys(setup, block, layer, h));
  for (int d = 0; d < D; d++) {
    draft->step[d] = setup.layer[layer].step[static_cast<size_t>(h) * D + d];
    draft->inverse[d] = 1 / draft->step[d];
    draft->threshold[d] = setup.layer[layer].threshold[static_cast<size_t>(h) * D + d];
    for (int t = 0; t < kBlockTokens; t++) to[t][d] = halfToFloat(keys[d * kBlockTokens + t]);
  }
  draft->valid = block.valid[layer * setup.kvHeads + h];
}

/** The block's keyframe: the first valid key, or the mean of the valid keys. */
void chooseKeyframe(const Setup &setup, const Keys &keys, Draft *draft) {
  const int D = setup.keyLength;
  double base[kMaxLength] = {};
  int tokens = 0;
  for (int t = 0; t < kBlockTokens && !(tokens && !setup.mean); t++) {
    if (!(draft->valid >> t & 1)) continue;
    for (int d = 0; d < D; d++) base[d] += keys[t][d];
    tokens++;
  }
  for (int d = 0; d < D; d++) {
    draft->running[d] = tokens ? keyframeStep(base[d] / tokens * draft->inverse[d]) : 0;
    draft->keyframe[d] = static_cast<int16_t>(draft->running[d]);
  }
}

void encodeToken(const Setup &setup, const double *key, int t, Draft *draft) {
  const int D = setup.keyLength;
  int8_t *deltas = draft->deltas[t];
  double widest = 0;
  double steps[kMaxLength];
  for (int d = 0; d < D; d++) {
    const double difference = key[d] - draft->running[d] * draft->step[d];
    const double size = difference < 0 ? -difference : difference;
    double n = size >= draft->threshold[d] ? difference * draft->inverse[d] : 0;
    const double low = -kStepLimit - draft->running[d], high = kStepLimit - draft->running[d];  // r stays within int16
    n = n > low ? n : low;
    n = n < high ? n : high;
    n = nearest(n);
    steps[d] = n;
    const double absolute = n < 0 ? -n : n;
    widest = absolute > widest ? absolute : widest;
  }
  if (widest > kDeltaLimit) {
    int16_t *extra = draft->extras[draft->extra++];
    draft->extraTokens |= 1ull << t;
    for (int d = 0; d < D; d++) {
      const int whole = keyframeStep(key[d] * draft->inverse[d]);
      extra[d] = static_cast<int16_t>(whole);
      if (!setup.mean) draft->running[d] = whole;
    }
    memset(deltas, 0, D);
    return;
  }
  for (int d = 0; d < D; d++) deltas[d] = static_cast<int8_t>(steps[d]);
  if (!setup.mean)
    for (int d = 0; d < D; d++) draft->running[d] += deltas[d];
}

void encodeKeys(const Setup &setup, const Keys &keys, Draft *draft) {
  draft->extraTokens = 0;
  draft->extra = 0;
  draft->packed = 0;
  chooseKeyframe(setup, keys, draft);
  for (int t = 0; t < kBlockTokens; t++) {
    if (draft->valid >> t & 1) encodeToken(setup, keys[t], t, draft);
    else memset(draft->deltas[t], 0, setup.keyLength);
    for (int d = 0; d < setup.keyLength; d++) draft->packed += draft->deltas[t][d] != 0;
  }
}

void storeKeys(const Setup &setup, const Draft &draft, const DeltaHead &head) {
  const int D = setup.keyLength;
  int8_t *packed = head.packed;
  for (int d = 0; d < D; d++) {
    uint64_t mask = 0;
    for (int t = 0; t < kBlockTokens; t++)
      if (draft.deltas[t][d]) {
        mask |= 1ull << t;
        *packed++ = draft.deltas[t][d];
      }
    head.masks[d] = mask;
  }
  memcpy(head.keyframe, draft.keyframe, sizeof(int16_t) * D);
  for (int i = 0; i < draft.extra; i++) memcpy(head.extra + static_cast<size_t>(i) * D, draft.extras[i], sizeof(int16_t) * D);
}

/** int8 with one float16 scale a token: scale = max |v| / 127, rounded to float16 before it is used. */
void storeValues(const Setup &setup, const Block &block, int layer, int h, uint64_t valid, const DeltaHead &head) {
  const int width = setup.valueWidth;
  const uint16_t *values = reinterpret_cast<const uint16_t *>(exactValues(setup, block, layer, h));
  for (int t = 0; t < kBlockTokens; t++, values += width) {
    float row[kMaxLength + 16];
    float largest = 0;
    for (int i = 0; i < width; i++) {
      row[i] = halfToFloat(values[i]);
      const float size = row[i] < 0 ? -row[i] : row[i];
      largest = size > largest ? size : largest;
    }
    const uint16_t scale = valid >> t & 1 ? floatToHalf(largest / 127.0f) : 0;
    head.scales[t] = scale;
    const double used = halfToFloat(scale);
    int8_t *to = head.values + static_cast<size_t>(t) * width;
    for (int i = 0; i < width; i++) {
      double n = used > 0 ? nearest(row[i] / used) : 0;
      to[i] = static_cast<int8_t>(n > 127 ? 127 : n < -127 ? -127 : n);
    }
  }
}

void storeSinks(const Setup &setup, const Block &block, int layer, int h, int sinks, const DeltaHead &head) {
  const int D = setup.keyLength, width = setup.valueWidth;
  const uint16_t *keys = reinterpret_cast<const uint16_t *>(exactKeys(setup, block, layer, h));
  for (int t = 0; t < sinks; t++)
    for (int d = 0; d < D; d++) head.sinkKeys[t * D + d] = keys[d * kBlockTokens + t];
  memcpy(head.sinkValues, exactValues(setup, block, layer, h), sizeof(uint16_t) * width * sinks);
}

}  // namespace

Status encodeLayer(const Setup &setup, Block *block, int layer) {
  if (block->deltas[layer].bytes) return Status::ok;
  Array<Draft> drafts;
  Array<DeltaSizes> sizes;
  Array<Keys> keys;
  if (!keys.reset(1) || !drafts.reset(setup.kvHeads) || !sizes.reset(setup.kvHeads)) return Status::outOfMemory;
  const int sinks = sinkTokens(setup, *block);
  for (int h = 0; h < setup.kvHeads; h++) {
    loadKeys(setup, *block, layer, h, keys[0], &drafts[h]);
    encodeKeys(setup, keys[0], &drafts[h]);
    sizes[h] = {drafts[h].extraTokens, drafts[h].packed};
  }
  DeltaLayer made;
  const Status status = makeDeltaLayer(setup, sizes.data(), sinks, &made);
  if (status != Status::ok) return status;
  for (int h = 0; h < setup.kvHeads; h++) {
    const DeltaHead head = deltaHead(setup, made, sinks, h);
    storeKeys(setup, drafts[h], head);
    storeValues(setup, *block, layer, h, drafts[h].valid, head);
    storeSinks(setup, *block, layer, h, sinks, head);
  }
  block->deltas[layer] = made;
  block->deltaBytes += made.size;
  return Status::ok;
}

Status encodeBlock(const Setup &setup, Block *block) {
  for (int layer = 0; layer < setup.layers; layer++) {
    const Status status = encodeLayer(setup, block, layer);
    if (status != Status::ok) return status;
  }
  return Status::ok;
}

}  // namespace deltallm
