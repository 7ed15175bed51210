// Slots, a free list, and what can be done to a block from outside.
#include "kv/pool.h"

#include <string.h>

#include "kv/encode.h"

namespace deltallm {
namespace {

constexpr int kSlotBits = 20;
constexpr int kMaxSlots = (1 << kSlotBits) - 1;
constexpr int kGenerations = 1 << 11;

void copyTokens(const Setup &setup, const Block &from, Block *to, int layer, int h, int count) {
  const size_t element = setup.exactElement();
  const uint8_t *source = exactKeys(setup, from, layer, h);
  uint8_t *target = exactKeys(setup, *to, layer, h);
  for (int d = 0; d < setup.keyLength; d++) memcpy(target + d * kBlockTokens * element, source + d * kBlockTokens * element, count * element);
  memcpy(exactValues(setup, *to, layer, h), exactValues(setup, from, layer, h), count * setup.valueWidth * element);
  const int at = layer * setup.kvHeads + h;
  to->valid[at] = from.valid[at] & lowBits(count);
}

/** `valid`: tokens of the head that are finite. */
CodedNumbers codedOf(const Setup &setup, int valid, const HeadRecord &head) {
  const int tokens = valid - popcount64(head.extraTokens) - (!setup.mean && valid > 0 ? 1 : 0);
  const double elements = static_cast<double>(tokens) * setup.keyLength;
  return {elements, elements - head.packedLength};
}

}  // namespace

Pool::~Pool() {
  for (int i = 0; i < used_; i++)
    if (slots_[i].block) freeBlock(setup_, slots_[i].block);
}

Block *Pool::find(int handle) const {
  const int slot = (handle & kMaxSlots) - 1;
  if (handle <= 0 || slot < 0 || slot >= used_ || slots_[slot].generation != handle >> kSlotBits) return nullptr;
  return slots_[slot].block;
}

bool Pool::grow() {
  Array<Slot> larger;
  const size_t size = slots_.size() ? slots_.size() * 2 : 64;
  if (!larger.reset(size)) return false;
  if (used_) memcpy(larger.data(), slots_.data(), sizeof(Slot) * used_);
  slots_.swap(larger);
  return true;
}

Status Pool::adopt(Block *block, int *handle) {
  int slot = firstFree_;
  if (slot >= 0) {
    firstFree_ = slots_[slot].nextFree;
  } else {
    if (used_ >= kMaxSlots || (static_cast<size_t>(used_) >= slots_.size() && !grow())) {
      freeBlock(setup_, block);
      return Status::outOfMemory;
    }
    slot = used_++;
    slots_[slot].generation = 0;
  }
  slots_[slot].block = block;
  *handle = slots_[slot].generation << kSlotBits | (slot + 1);
  return Status::ok;
}

Status Pool::allocate(int *handle) {
  Block *block = makeBlock(setup_, true);
  return block ? adopt(block, handle) : Status::outOfMemory;
}

Status Pool::retain(int handle) {
  Block *block = find(handle);
  if (!block || block->references == 0x7fffffff) return Status::invalidArgument;
  block->references++;
  return Status::ok;
}

Status Pool::release(int handle) {
  Block *block = find(handle);
  if (!block) return Status::invalidArgument;
  if (--block->references > 0) return Status::ok;
  Slot &slot = slots_[(handle & kMaxSlots) - 1];
  freeBlock(setup_, block);
  slot.block = nullptr;
  slot.generation = (slot.generation + 1) % kGenerations;
  slot.nextFree = firstFree_;
  firstFree_ = (handle & kMaxSlots) - 1;
  return Status::ok;
}

Status Pool::fork(int handle, int count, int *forked) {
  const Block *from = find(handle);
  if (!from || count < 0 || count > tokenCount(setup_, *from)) return Status::invalidArgument;
  if (!from->exact) return Status::noExactForm;
  Block *to = makeBlock(setup_, true);
  if (!to) return Status::outOfMemory;
  to->base = count ? from->base : -1;
  for (int layer = 0; layer < setup_.layers; layer++) {
    const int tokens = count < from->counts[layer] ? count : from->counts[layer];
    to->counts[layer] = tokens;
    for (int h = 0; h < setup_.kvHeads; h++) copyTokens(setup_, *from, to, layer, h, tokens);
  }
  return adopt(to, forked);
}

Status Pool::truncate(int handle, int count) {
  Block *block = find(handle);
  if (!block || count < 0 || count > kBlockTokens) return Status::invalidArgument;
  if (count >= tokenCount(setup_, *block)) return Status::ok;
  if (!block->exact) return Status::noExactForm;
  for (int layer = 0; layer < setup_.layers; layer++) {
    if (block->counts[layer] <= count) continue;
    block->counts[layer] = count;
    dropDelta(block, layer);
    for (int h = 0; h < setup_.kvHeads; h++) block->valid[layer * setup_.kvHeads + h] &= lowBits(count);
  }
  if (count == 0) block->base = -1;
  return Status::ok;
}

Status Pool::dropExact(int handle) {
  Block *block = find(handle);
  if (!block) return Status::invalidArgument;
  if (!setup_.delta || !block->exact) return Status::ok;
  const Status status = encodeBlock(setup_, block);
  if (status != Status::ok) return status;
  releaseMemory(block->exact);
  block->exact = nullptr;
  block->exactBytes = 0;
  return Status::ok;
}

Status Pool::numbers(int handle, BlockNumbers *numbers) const {
  const Block *block = find(handle);
  if (!block) return Status::invalidArgument;
  BlockNumbers n = {};
  n.base = block->base;
  n.count = tokenCount(setup_, *block);
  n.exactBytes = static_cast<double>(block->exactBytes);
  n.deltaBytes = static_cast<double>(block->deltaBytes);
  n.bytes = n.exactBytes + n.deltaBytes + static_cast<double>(block->ownBytes);
  for (int layer = 0; layer < setup_.layers; layer++)
    for (int h = 0; h < setup_.kvHeads; h++) {
      const int valid = popcount64(block->valid[layer * setup_.kvHeads + h]);
      n.masked += block->counts[layer] - valid;
      if (!block->deltas[layer].bytes) continue;
      const HeadRecord &head = block->deltas[layer].records()[h];
      const CodedNumbers coded = codedOf(setup_, valid, head);
      n.keyElements += coded.elements;
      n.keyZeros += coded.zeros;
      n.keyframes += popcount64(head.extraTokens);
    }
  *numbers = n;
  return Status::ok;
}

void Pool::coded(CodedNumbers *numbers) const {
  for (int i = 0; i < used_; i++) {
    const Block *block = slots_[i].block;
    if (!block || !block->deltaBytes) continue;
    for (int layer = 0; layer < setup_.layers; layer++) {
      if (!block->deltas[layer].bytes) continue;
      for (int h = 0; h < setup_.kvHeads; h++) {
        const int at = layer * setup_.kvHeads + h;
        const CodedNumbers own = codedOf(setup_, popcount64(block->valid[at]), block->deltas[layer].records()[h]);
        numbers[at].elements += own.elements;
        numbers[at].zeros += own.zeros;
      }
    }
  }
}

PoolNumbers Pool::totals() const {
  PoolNumbers n = {};
  for (int i = 0; i < used_; i++) {
    const Block *block = slots_[i].block;
    if (!block) continue;
    n.blocks++;
    n.exactBytes += static_cast<double>(block->exactBytes);
    n.deltaBytes += static_cast<double>(block->deltaBytes);
    n.bytes += static_cast<double>(block->exactBytes + block->deltaBytes + block->ownBytes);
  }
  return n;
}

}  // namespace deltallm
