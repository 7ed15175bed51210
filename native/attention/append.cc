// Keys are rotated to their placed position and stored transposed; a token with a non-finite element is masked and stored as zeros.
#include "attention/append.h"

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

template <class T>
T stored(float x);
template <>
float stored<float>(float x) {
  return x;
}
template <>
uint16_t stored<uint16_t>(float x) {
  return floatToHalf(x);
}

bool allFinite(const float *x, int n) {
  bool finite = true;
  for (int i = 0; i < n; i++) finite &= isFinite(x[i]);
  return finite;
}

template <class T>
void storeHead(const Setup &setup, Block *block, int layer, int h, int t, const float *key, const float *value) {
  T *keys = reinterpret_cast<T *>(exactKeys(setup, *block, layer, h));
  T *values = reinterpret_cast<T *>(exactValues(setup, *block, layer, h)) + static_cast<size_t>(t) * setup.valueWidth;
  const bool valid = allFinite(key, setup.keyLength) && allFinite(value, setup.valueLength);
  for (int d = 0; d < setup.keyLength; d++) keys[d * kBlockTokens + t] = stored<T>(valid ? key[d] : 0);
  for (int i = 0; i < setup.valueLength; i++) values[i] = stored<T>(valid ? value[i] : 0);
  uint64_t &mask = block->valid[layer * setup.kvHeads + h];
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
      if (setup.delta) storeHead<uint16_t>(setup, entry.block, call.layer, kvHead, t, key, value);
      else storeHead<float>(setup, entry.block, call.layer, kvHead, t, key, value);
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
