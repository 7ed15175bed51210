// Reference `previous`: d_t = k_t − r_{t−1}·s is kept when |d| ≥ θ, as n = round(d/s) steps, r_t = r_{t−1} + n.
// Reference `mean`: the same against the block's rounded mean, without accumulation.
// With a basis y = A·(k turned back by its origin) is coded in place of k, by the mean.
// A token with |n| > 127 in any channel is stored whole, as an extra keyframe. Masked tokens change nothing.
#include "kv/encode.h"

#include <math.h>
#include <string.h>

#include "kv/basis.h"
#include "kv/half.h"

namespace deltallm {

/** One head on its way to the delta form. */
struct HeadDraft {
  uint64_t valid, extraTokens;
  uint32_t packed;
  int extra;
  double step[kMaxLength], inverse[kMaxLength], threshold[kMaxLength];
  int32_t running[kMaxLength];
  int16_t keyframe[kMaxLength];
  double keys[kBlockTokens][kMaxLength];
  double weights[kBlockTokens];  // of the thresholds, with a basis
  int8_t deltas[kBlockTokens][kMaxLength];
  int16_t extras[kBlockTokens][kMaxLength];
};

namespace {

constexpr int kStepLimit = 32767;  // int16, symmetric
constexpr int kDeltaLimit = 127;   // int8, symmetric

/** Nearest integer, halves to even, as a double: adding 1.5·2^52 leaves no fraction bits. |x| < 2^51. */
inline double nearest(double x) { return (x + 6755399441055744.0) - 6755399441055744.0; }

inline int keyframeStep(double x) { return static_cast<int>(nearest(x > kStepLimit ? kStepLimit : x < -kStepLimit ? -kStepLimit : x)); }

void loadKeys(const Setup &setup, const Block &block, int layer, int h, HeadDraft *draft) {
  const int D = setup.keyLength;
  const uint16_t *keys = reinterpret_cast<const uint16_t *>(exactKeys(setup, block, layer, h));
  for (int d = 0; d < D; d++) {
    draft->step[d] = setup.layer[layer].step[static_cast<size_t>(h) * D + d];
    draft->inverse[d] = 1 / draft->step[d];
    draft->threshold[d] = setup.layer[layer].threshold[static_cast<size_t>(h) * D + d];
    for (int t = 0; t < kBlockTokens; t++) draft->keys[t][d] = halfToFloat(keys[d * kBlockTokens + t]);
  }
  draft->valid = block.valid[layer * setup.kvHeads + h];
  for (int t = 0; t < kBlockTokens; t++) draft->weights[t] = 1;
  if (!setup.basis) return;
  toBasis(setup, setup.layer[layer], h, block.base, draft->keys);
  if (!setup.layer[layer].importance.size()) return;
  const uint16_t *values = reinterpret_cast<const uint16_t *>(exactValues(setup, block, layer, h));
  for (int t = 0; t < kBlockTokens; t++, values += setup.valueWidth) {
    float value[kMaxLength];
    for (int i = 0; i < setup.valueLength; i++) value[i] = halfToFloat(values[i]);
    draft->weights[t] = importanceOf(setup, setup.layer[layer], h, draft->keys[t], value);
  }
}

/** The block's keyframe: the first valid key, or the mean of the valid keys. */
void chooseKeyframe(const Setup &setup, HeadDraft *draft) {
  const int D = setup.keyLength;
  double base[kMaxLength] = {};
  int tokens = 0;
  for (int t = 0; t < kBlockTokens && !(tokens && !setup.mean); t++) {
    if (!(draft->valid >> t & 1)) continue;
    for (int d = 0; d < D; d++) base[d] += draft->keys[t][d];
    tokens++;
  }
  for (int d = 0; d < D; d++) {
    draft->running[d] = tokens ? keyframeStep(base[d] / tokens * draft->inverse[d]) : 0;
    draft->keyframe[d] = static_cast<int16_t>(draft->running[d]);
  }
}

void encodeToken(const Setup &setup, const double *key, int t, HeadDraft *draft) {
  const int D = setup.keyLength;
  const double weight = draft->weights[t];
  int8_t *deltas = draft->deltas[t];
  int32_t steps[kMaxLength];
  for (int d = 0; d < D; d++) {
    const double difference = key[d] - draft->running[d] * draft->step[d];
    const double size = difference < 0 ? -difference : difference;
    const double whole = difference * draft->inverse[d];
    double n = size * weight >= draft->threshold[d] ? whole : 0;  // a choice, no jump: it would be guessed wrong every other time
    const double low = -kStepLimit - draft->running[d], high = kStepLimit - draft->running[d];  // r stays within int16
    n = n > low ? n : low;
    n = n < high ? n : high;
    steps[d] = static_cast<int32_t>(nearest(n));
  }
  int wide = 0;
  for (int d = 0; d < D; d++) wide |= (steps[d] > kDeltaLimit) | (steps[d] < -kDeltaLimit);
  if (wide) {
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

void encodeKeys(const Setup &setup, HeadDraft *draft) {
  draft->extraTokens = 0;
  draft->extra = 0;
  draft->packed = 0;
  chooseKeyframe(setup, draft);
  for (int t = 0; t < kBlockTokens; t++) {
    if (draft->valid >> t & 1) encodeToken(setup, draft->keys[t], t, draft);
    else memset(draft->deltas[t], 0, setup.keyLength);
    for (int d = 0; d < setup.keyLength; d++) draft->packed += draft->deltas[t][d] != 0;
  }
}

/** Every delta is written and the next one over it where it is zero: whether it is would be guessed wrong every other time. */
void storeKeys(const Setup &setup, const HeadDraft &draft, const DeltaHead &head) {
  const int D = setup.keyLength;
  int8_t packed[kMaxLength * kBlockTokens + 1];
  int8_t *next = packed;
  for (int d = 0; d < D; d++) {
    uint64_t mask = 0;
    for (int t = 0; t < kBlockTokens; t++) {
      const uint64_t counts = draft.deltas[t][d] != 0;
      *next = draft.deltas[t][d];
      next += counts;
      mask |= counts << t;
    }
    head.masks[d] = mask;
  }
  memcpy(head.packed, packed, next - packed);
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

LayerCoding::~LayerCoding() { releaseCompact(made_.bytes); }

Status LayerCoding::begin() { return drafts_.atLeast(setup_.kvHeads) ? Status::ok : Status::outOfMemory; }

void LayerCoding::draft(int kvHead) {
  loadKeys(setup_, *block_, layer_, kvHead, &drafts_[kvHead]);
  encodeKeys(setup_, &drafts_[kvHead]);
}

Status LayerCoding::place() {
  Array<DeltaSizes> sizes;
  if (!sizes.reset(setup_.kvHeads)) return Status::outOfMemory;
  for (int h = 0; h < setup_.kvHeads; h++) sizes[h] = {drafts_[h].extraTokens, drafts_[h].packed};
  return makeDeltaLayer(setup_, sizes.data(), sinkTokens(setup_, *block_), &made_);
}

void LayerCoding::store(int kvHead) {
  const int sinks = sinkTokens(setup_, *block_);
  const DeltaHead head = deltaHead(setup_, made_, sinks, kvHead);
  storeKeys(setup_, drafts_[kvHead], head);
  storeValues(setup_, *block_, layer_, kvHead, drafts_[kvHead].valid, head);
  storeSinks(setup_, *block_, layer_, kvHead, sinks, head);
}

void LayerCoding::finish() {
  block_->deltas[layer_] = made_;
  block_->deltaBytes += made_.size;
  made_ = DeltaLayer();
}

Status encodeLayer(const Setup &setup, Block *block, int layer) {
  if (block->deltas[layer].bytes) return Status::ok;
  Array<HeadDraft> drafts;
  LayerCoding coding(setup, block, layer, &drafts);
  Status status = coding.begin();
  if (status != Status::ok) return status;
  for (int h = 0; h < setup.kvHeads; h++) coding.draft(h);
  status = coding.place();
  if (status != Status::ok) return status;
  for (int h = 0; h < setup.kvHeads; h++) coding.store(h);
  coding.finish();
  return Status::ok;
}

Status encodeBlock(const Setup &setup, Block *block) {
  if (!isFull(setup, *block)) return Status::invalidArgument;
  if (!setup.delta) return Status::ok;
  for (int layer = 0; layer < setup.layers; layer++) {
    const Status status = encodeLayer(setup, block, layer);
    if (status != Status::ok) return status;
  }
  return Status::ok;
}

}  // namespace deltallm
