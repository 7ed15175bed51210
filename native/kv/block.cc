// Making, laying out and reading blocks.
#include "kv/block.h"

#include <math.h>

#include "kv/basis.h"
#include "kv/half.h"

namespace deltallm {

int popcount64(uint64_t x) {
  x -= x >> 1 & 0x5555555555555555ull;
  x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
  return static_cast<int>(x * 0x0101010101010101ull >> 56);
}

Block *makeBlock(const Setup &setup, bool withExact) {
  const size_t head = alignUp(sizeof(Block));
  const size_t counts = alignUp(sizeof(int) * setup.layers);
  const size_t valid = alignUp(sizeof(uint64_t) * setup.layers * setup.kvHeads);
  const size_t deltas = alignUp(sizeof(DeltaLayer) * setup.layers);
  uint8_t *bytes = static_cast<uint8_t *>(allocateZeroed(head + counts + valid + deltas));
  if (!bytes) return nullptr;
  Block *block = reinterpret_cast<Block *>(bytes);
  *block = Block();
  block->ownBytes = head + counts + valid + deltas;
  block->counts = reinterpret_cast<int *>(bytes + head);
  block->valid = reinterpret_cast<uint64_t *>(bytes + head + counts);
  block->deltas = reinterpret_cast<DeltaLayer *>(bytes + head + counts + valid);
  if (withExact) {
    block->exactBytes = exactHeadBytes(setup) * setup.layers * setup.kvHeads;
    block->exact = static_cast<uint8_t *>(allocateZeroed(block->exactBytes));
    if (!block->exact) {
      releaseMemory(block);
      return nullptr;
    }
  }
  return block;
}

void freeBlock(const Setup &setup, Block *block) {
  for (int layer = 0; layer < setup.layers; layer++) dropDelta(block, layer);
  releaseMemory(block->exact);
  releaseMemory(block);
}

size_t exactHeadBytes(const Setup &setup) {
  return alignUp(static_cast<size_t>(setup.keyLength + setup.valueWidth) * kBlockTokens * setup.exactElement());
}

uint8_t *exactKeys(const Setup &setup, const Block &block, int layer, int kvHead) {
  return block.exact + exactHeadBytes(setup) * (static_cast<size_t>(layer) * setup.kvHeads + kvHead);
}

uint8_t *exactValues(const Setup &setup, const Block &block, int layer, int kvHead) {
  return exactKeys(setup, block, layer, kvHead) + static_cast<size_t>(setup.keyLength) * kBlockTokens * setup.exactElement();
}

int sinkTokens(const Setup &setup, const Block &block) {
  if (block.base < 0 || block.base >= setup.sinks) return 0;
  const int sinks = setup.sinks - block.base;
  return sinks < kBlockTokens ? sinks : kBlockTokens;
}

int tokenCount(const Setup &setup, const Block &block) {
  int most = 0;
  for (int layer = 0; layer < setup.layers; layer++)
    if (block.counts[layer] > most) most = block.counts[layer];
  return most;
}

bool isFull(const Setup &setup, const Block &block) {
  for (int layer = 0; layer < setup.layers; layer++)
    if (block.counts[layer] < kBlockTokens) return false;
  return true;
}

namespace {

/** Bytes of a head from its masks to the end of its packed deltas. */
size_t frontBytes(const Setup &setup, const DeltaSizes &sizes, int sinks) {
  const size_t D = setup.keyLength;
  return 8 * D + 2 * D + 2 * kBlockTokens + 2 * D * popcount64(sizes.extraTokens) + 2 * sinks * (D + setup.valueWidth) + sizes.packed;
}

}  // namespace

Status makeDeltaLayer(const Setup &setup, const DeltaSizes *sizes, int sinks, DeltaLayer *layer) {
  const size_t valueBytes = static_cast<size_t>(setup.valueWidth) * kBlockTokens;
  size_t total = sizeof(HeadRecord) * setup.kvHeads;
  for (int h = 0; h < setup.kvHeads; h++) total += alignUp(frontBytes(setup, sizes[h], sinks), kPartAlignment) + valueBytes;
  layer->bytes = static_cast<uint8_t *>(allocateCompact(total));
  if (!layer->bytes) return Status::outOfMemory;
  layer->size = total;
  size_t at = sizeof(HeadRecord) * setup.kvHeads;
  for (int h = 0; h < setup.kvHeads; h++) {
    reinterpret_cast<HeadRecord *>(layer->bytes)[h] = {sizes[h].extraTokens, sizes[h].packed, static_cast<uint32_t>(at)};
    at += alignUp(frontBytes(setup, sizes[h], sinks), kPartAlignment) + valueBytes;
  }
  return Status::ok;
}

DeltaHead deltaHead(const Setup &setup, const DeltaLayer &layer, int sinks, int kvHead) {
  const HeadRecord &record = layer.records()[kvHead];
  const size_t D = setup.keyLength;
  DeltaHead head;
  head.extraTokens = record.extraTokens;
  head.packedLength = record.packedLength;
  head.masks = reinterpret_cast<uint64_t *>(layer.bytes + record.at);
  head.keyframe = reinterpret_cast<int16_t *>(head.masks + D);
  head.scales = reinterpret_cast<uint16_t *>(head.keyframe + D);
  head.extra = reinterpret_cast<int16_t *>(head.scales + kBlockTokens);
  head.sinkKeys = reinterpret_cast<uint16_t *>(head.extra + D * popcount64(head.extraTokens));
  head.sinkValues = head.sinkKeys + D * sinks;
  head.packed = reinterpret_cast<int8_t *>(head.sinkValues + static_cast<size_t>(setup.valueWidth) * sinks);
  head.values = reinterpret_cast<int8_t *>(layer.bytes + alignUp(head.packed + head.packedLength - reinterpret_cast<int8_t *>(layer.bytes), kPartAlignment));
  return head;
}

void dropDelta(Block *block, int layer) {
  DeltaLayer &delta = block->deltas[layer];
  if (!delta.bytes) return;
  block->deltaBytes -= delta.size;
  releaseCompact(delta.bytes);
  delta = DeltaLayer();
}

namespace {

double exactNumber(const Setup &setup, const uint8_t *elements, size_t i) {
  return setup.delta ? halfToFloat(reinterpret_cast<const uint16_t *>(elements)[i]) : reinterpret_cast<const float *>(elements)[i];
}

}  // namespace

Status readKeys(const Setup &setup, const Block &block, int layer, int kvHead, bool delta, double *to) {
  const int D = setup.keyLength, count = block.counts[layer];
  const uint64_t valid = block.valid[layer * setup.kvHeads + kvHead];
  if (!delta || !block.deltas[layer].bytes) {
    if (!block.exact) return Status::noExactForm;
    const uint8_t *keys = exactKeys(setup, block, layer, kvHead);
    for (int t = 0; t < count; t++)
      for (int d = 0; d < D; d++) to[t * D + d] = valid >> t & 1 ? exactNumber(setup, keys, static_cast<size_t>(d) * kBlockTokens + t) : NAN;
    return Status::ok;
  }
  const int sinks = sinkTokens(setup, block);
  const DeltaHead head = deltaHead(setup, block.deltas[layer], sinks, kvHead);
  const float *step = setup.layer[layer].step.data() + static_cast<size_t>(kvHead) * D;
  const int8_t *packed = head.packed;
  for (int d = 0; d < D; d++) {
    int running = head.keyframe[d], extra = 0;
    for (int t = 0; t < count; t++) {
      int steps;
      if (head.extraTokens >> t & 1) {
        steps = head.extra[extra++ * D + d];
        if (!setup.mean) running = steps;
      } else {
        const int change = head.masks[d] >> t & 1 ? *packed++ : 0;
        if (!setup.mean) running += change;
        steps = setup.mean ? running + change : running;
      }
      double x = static_cast<double>(steps) * step[d];
      if (t < sinks) x = halfToFloat(head.sinkKeys[t * D + d]);
      to[t * D + d] = valid >> t & 1 ? x : NAN;
    }
  }
  for (int t = sinks; setup.basis && t < count; t++)
    if (valid >> t & 1) fromBasis(setup, setup.layer[layer], kvHead, block.base, to + static_cast<size_t>(t) * D);
  return Status::ok;
}

Status readValues(const Setup &setup, const Block &block, int layer, int kvHead, bool delta, double *to) {
  const int Dv = setup.valueLength, width = setup.valueWidth, count = block.counts[layer];
  const uint64_t valid = block.valid[layer * setup.kvHeads + kvHead];
  const bool exact = !delta || !block.deltas[layer].bytes;
  if (exact && !block.exact) return Status::noExactForm;
  const uint8_t *values = exact ? exactValues(setup, block, layer, kvHead) : nullptr;
  const int sinks = sinkTokens(setup, block);
  const DeltaHead head = exact ? DeltaHead() : deltaHead(setup, block.deltas[layer], sinks, kvHead);
  for (int t = 0; t < count; t++)
    for (int i = 0; i < Dv; i++) {
      const size_t at = static_cast<size_t>(t) * width + i;
      double x;
      if (exact) x = exactNumber(setup, values, at);
      else if (t < sinks) x = halfToFloat(head.sinkValues[at]);
      else x = static_cast<double>(head.values[at]) * halfToFloat(head.scales[t]);
      to[static_cast<size_t>(t) * Dv + i] = valid >> t & 1 ? x : NAN;
    }
  return Status::ok;
}

}  // namespace deltallm
