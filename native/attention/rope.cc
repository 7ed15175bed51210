// Angles and their rows.
#include "attention/rope.h"

#include "kv/sine.h"

namespace deltallm {

void ropeRow(const LayerSetup &layer, int position, float *row) {
  for (int i = 0; i < layer.pairs; i++) {
    double sine, cosine;
    sineCosine(position * layer.inverseFrequencies[i], &sine, &cosine);
    row[i] = static_cast<float>(cosine * layer.ropeScale);
    row[layer.pairs + i] = static_cast<float>(sine * layer.ropeScale);
  }
}

void rotateHead(const float *from, const float *row, int pairs, int keyLength, float *to) {
  for (int i = 0; i < pairs; i++) {
    const float a = from[i], b = from[pairs + i];
    to[i] = a * row[i] - b * row[pairs + i];
    to[pairs + i] = b * row[i] + a * row[pairs + i];
  }
  for (int i = 2 * pairs; i < keyLength; i++) to[i] = from[i];
}

const float *RopeCache::rows(const Setup &setup, int layer, int start, int tokens) {
  const LayerSetup &own = setup.layer[layer];
  if (own.ropeGroup == group_ && start == start_ && tokens == tokens_) return rows_.data();
  group_ = -1;
  const size_t width = 2 * static_cast<size_t>(own.pairs);
  if (!rows_.atLeast(width * tokens + 1)) return nullptr;  // never empty: a model may rotate nothing
  for (int i = 0; i < tokens; i++) ropeRow(own, start + i, rows_.data() + width * i);
  group_ = own.ropeGroup;
  start_ = start;
  tokens_ = tokens;
  return rows_.data();
}

}  // namespace deltallm
