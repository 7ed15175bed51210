// Making, laying out and reading blocks.
#include "kv/block.h"

#include <math.h>

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

bool isComplete(const Setup &setup, const Block &block) {
  for (int layer = 0; layer < setup.layers; layer++)
    if (block.counts[layer] < kBlockTokens || (setup.delta && !block.deltas[layer].bytes)) return false;
  return true;
}

Status makeDeltaLayer(const Setup &setup, const DeltaSizes *sizes, DeltaLayer *layer) {
  const size_t D = setup.keyLength, width = setup.valueWidth;
  // Twice over the same walk: the first measures, the second places.
  uint8_t *bytes = nullptr;
  for (int pass = 0; pass < 2; pass++) {
    size_t at = alignUp(sizeof(DeltaHead) * setup.kvHeads);
    for (int h = 0; h < setup.kvHeads; h++) {
      const DeltaSizes &size = sizes[h];
      const auto place = [&](size_t length) {
        uint8_t *here = bytes + at;
        at += length;
        return here;
      };
      uint8_t *masks = place(8 * D);
      uint8_t *keyframe = place(2 * D);
      uint8_t *scales = place(2 * kBlockTokens);
      uint8_t *extra = place(2 * D * size.extra);
      uint8_t *sinkKeys = place(2 * D * size.sinks);
      uint8_t *sinkValues = place(2 * width * size.sinks);
      at = alignUp(at);
      uint8_t *values = place(width * kBlockTokens);
      uint8_t *packed = place(size.packed);
      at = alignUp(at);  // a head's packed deltas are followed by the next head, the last one by the slack
      if (!bytes) continue;
      DeltaHead &head = reinterpret_cast<DeltaHead *>(bytes)[h];
      head.packedLength = size.packed;
      head.masks = reinterpret_cast<uint64_t *>(masks);
      head.keyframe = reinterpret_cast<int16_t *>(keyframe);
      head.scales = reinterpret_cast<uint16_t *>(scales);
      head.extra = reinterpret_cast<int16_t *>(extra);
      head.sinkKeys = reinterpret_cast<uint16_t *>(sinkKeys);
      head.sinkValues = reinterpret_cast<uint16_t *>(sinkValues);
      head.values = reinterpret_cast<int8_t *>(values);
      head.packed = reinterpret_cast<int8_t *>(packed);
    }
    at += DL_PACKED_SLACK;
    if (pass == 0) {
      bytes = static_cast<uint8_t *>(allocateZeroed(at));
      if (!bytes) return Status::outOfMemory;
      layer->bytes = bytes;
      layer->size = at;
    }
  }
  return Status::ok;
}

void dropDelta(Block *block, int layer) {
  DeltaLayer &delta = block->deltas[layer];
  if (!delta.bytes) return;
  block->deltaBytes -= delta.size;
  releaseMemory(delta.bytes);
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
  const DeltaHead &head = block.deltas[layer].heads()[kvHead];
  const float *step = setup.layer[layer].step.data() + static_cast<size_t>(kvHead) * D;
  const int8_t *packed = head.packed;
  const int sinks = sinkTokens(setup, block);
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
  return Status::ok;
}

Status readValues(const Setup &setup, const Block &block, int layer, int kvHead, bool delta, double *to) {
  const int Dv = setup.valueLength, width = setup.valueWidth, count = block.counts[layer];
  const uint64_t valid = block.valid[layer * setup.kvHeads + kvHead];
  const bool exact = !delta || !block.deltas[layer].bytes;
  if (exact && !block.exact) return Status::noExactForm;
  const uint8_t *values = exact ? exactValues(setup, block, layer, kvHead) : nullptr;
  const DeltaHead *head = exact ? nullptr : &block.deltas[layer].heads()[kvHead];
  const int sinks = sinkTokens(setup, block);
  for (int t = 0; t < count; t++)
    for (int i = 0; i < Dv; i++) {
      const size_t at = static_cast<size_t>(t) * width + i;
      double x;
      if (exact) x = exactNumber(setup, values, at);
      else if (t < sinks) x = halfToFloat(head->sinkValues[at]);
      else x = static_cast<double>(head->values[at]) * halfToFloat(head->scales[t]);
      to[static_cast<size_t>(t) * Dv + i] = valid >> t & 1 ? x : NAN;
    }
  return Status::ok;
}

}  // namespace deltallm
