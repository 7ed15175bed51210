// Keys are rotated to their placed position and stored transposed; a token with a non-finite element is masked and stored as zeros.
#include "attention/append.h"

#include <string.h>

#include "attention/regions.h"
#include "attention/rope.h"
#include "kv/half.h"

namespace deltallm {
namespace {

/** Tokens of the entry that were stored before this call. */
int storedBefore(const Call &call, const Entry &entry) {
  const int before = call.start - entry.first;
  return before < 0 ? 0 : before < entry.count ? before : entry.count;
}

bool allFinite(const float *x, int n) {
  bool finite = true;
  for (int i = 0; i < n; i++) finite &= isFinite(x[i]);
  return finite;
}

void storeHead(const Call &call, Block *block, int h, int t, const float *key, const float *value) {
  static const float zeros[kMaxLength] = {};
  const Setup &setup = *call.setup;
  const int D = setup.keyLength;
  const bool valid = allFinite(key, D) && allFinite(value, setup.valueLength);
  if (!valid) key = value = zeros;
  uint8_t *keys = exactKeys(setup, *block, call.layer, h), *values = exactValues(setup, *block, call.layer, h);
  const size_t at = static_cast<size_t>(t) * setup.valueWidth;
  if (setup.delta) {
    uint16_t halves[kMaxLength];
    call.kernels->narrow_f16(key, D, halves);
    for (int d = 0; d < D; d++) reinterpret_cast<uint16_t *>(keys)[d * kBlockTokens + t] = halves[d];
    call.kernels->narrow_f16(value, setup.valueLength, reinterpret_cast<uint16_t *>(values) + at);
  } else {
    for (int d = 0; d < D; d++) reinterpret_cast<float *>(keys)[d * kBlockTokens + t] = key[d];
    memcpy(reinterpret_cast<float *>(values) + at, value, sizeof(float) * setup.valueLength);
  }
  uint64_t &mask = block->valid[call.layer * setup.kvHeads + h];
  mask = valid ? mask | 1ull << t : mask & ~(1ull << t);
}

}  // namespace

Status checkTail(const Call &call) {
  for (int e = 0; e < call.entryCount; e++) {
    const Entry &entry = call.entries[e];
    const int stored = entry.block->counts[call.layer], before = storedBefore(call, entry);
    if (before == entry.count) {
      if (stored < entry.count || entry.first - entry.delta != entry.block->base) return Status::invalidArgument;
      continue;
    }
    // An entry that new tokens go to: unmoved, and holding exactly what came before them.
    if (entry.delta != 0 || stored != before || (stored && entry.block->base != entry.first)) return Status::invalidArgument;
    if (entry.block->base >= 0 && entry.block->base != entry.first) return Status::invalidArgument;
    if (!entry.block->exact) return Status::noExactForm;
    for (int other = 0; other < e; other++)
      if (call.entries[other].block == entry.block) return Status::invalidArgument;
  }
  return Status::ok;
}

void appendTokens(const Call &call, int kvHead) {
  const Setup &setup = *call.setup;
  const LayerSetup &own = call.own();
  const int D = setup.keyLength, Dv = setup.valueLength;
  float key[kMaxLength];
  for (int e = 0; e < call.entryCount; e++) {
    const Entry &entry = call.entries[e];
    for (int t = storedBefore(call, entry); t < entry.count; t++) {
      const int token = entry.first + t - call.start;
      const float *row = call.qkv + static_cast<size_t>(token) * call.qkvWidth();
      rotateHead(row + static_cast<size_t>(setup.heads + kvHead) * D, call.rope + static_cast<size_t>(token) * 2 * own.pairs, own.pairs, D, key);
      const float *value = row + static_cast<size_t>(setup.heads + setup.kvHeads) * D + static_cast<size_t>(kvHead) * Dv;
      storeHead(call, entry.block, kvHead, t, key, value);
    }
  }
}

void countTokens(const Call &call) {
  for (int e = 0; e < call.entryCount; e++) {
    const Entry &entry = call.entries[e];
    if (storedBefore(call, entry) == entry.count) continue;
    entry.block->base = entry.first;
    entry.block->counts[call.layer] = entry.count;
  }
}

namespace {

void draftHead(void *coding, int, int kvHead) { static_cast<LayerCoding *>(coding)->draft(kvHead); }
void storeCoded(void *coding, int, int kvHead) { static_cast<LayerCoding *>(coding)->store(kvHead); }

}  // namespace

Status encodeFar(const Call &call, Array<HeadDraft> *drafts, Threads *threads) {
  const Setup &setup = *call.setup;
  if (!setup.delta) return Status::ok;
  const int last = (call.start + call.tokens - 1) / kBlockTokens;
  for (int e = 0; e < call.entryCount; e++) {
    const Entry &entry = call.entries[e];
    if (entry.block->counts[call.layer] < kBlockTokens || entry.block->deltas[call.layer].bytes || isNear(setup, entry.first / kBlockTokens, last)) continue;
    LayerCoding coding(setup, entry.block, call.layer, drafts);
    Status status = coding.begin();
    if (status != Status::ok) return status;
    threads->run(draftHead, &coding, setup.kvHeads, true);
    status = coding.place();
    if (status != Status::ok) return status;
    threads->run(storeCoded, &coding, setup.kvHeads, true);
    coding.finish();
  }
  return Status::ok;
}

}  // namespace deltallm
