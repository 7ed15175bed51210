// Writing and checking block format v2. The reader measures every part before it touches it.
#include "kv/serialize.h"

#include <string.h>

#include "kv/checksum.h"
#include "kv/half.h"

namespace deltallm {
namespace {

constexpr uint8_t kMagic[8] = {'D', 'L', 'K', 'V', 'B', 'L', 'K', '\n'};
constexpr uint32_t kFormat = 2;
constexpr size_t kHeaderBytes = 8 + 4 + kRecipeBytes + 10 * 4;
constexpr size_t kChecksumBytes = 8;

/** What the numbers of the delta form are differences from. */
int referenceOf(const Setup &setup) { return setup.mean + setup.basis; }

class Writer {
 public:
  explicit Writer(uint8_t *to) : at_(to) {}
  void bytes(const void *from, size_t length) {
    if (length) memcpy(at_, from, length);
    at_ += length;
  }
  template <class T>
  void number(T x) {
    bytes(&x, sizeof x);
  }
  const uint8_t *at() const { return at_; }

 private:
  uint8_t *at_;
};

/** Takes parts off the front; once a part is missing, everything after fails too. */
class Reader {
 public:
  Reader(const uint8_t *from, size_t length) : at_(from), left_(length) {}
  const uint8_t *take(size_t length) {
    if (length > left_) {
      left_ = 0;
      failed_ = true;
      return nullptr;
    }
    const uint8_t *here = at_;
    at_ += length;
    left_ -= length;
    return here;
  }
  template <class T>
  T number() {
    T x = 0;
    const uint8_t *from = take(sizeof x);
    if (from) memcpy(&x, from, sizeof x);
    return x;
  }
  bool failed() const { return failed_; }
  size_t left() const { return left_; }

 private:
  const uint8_t *at_;
  size_t left_;
  bool failed_ = false;
};

/** Where one head's parts lie in the file; of a form that is not there, nowhere. */
struct HeadParts {
  uint64_t valid, extraTokens;
  uint32_t packedLength;
  const uint8_t *keys, *exactValues;
  const uint8_t *keyframe, *masks, *packed, *extra, *scales, *values, *sinkKeys, *sinkValues;
};

size_t exactPartBytes(const Setup &setup) { return static_cast<size_t>(kBlockTokens) * (setup.keyLength + setup.valueLength) * setup.exactElement(); }

size_t deltaPartBytes(const Setup &setup, const HeadRecord &head, int sinks) {
  const size_t D = setup.keyLength, Dv = setup.valueLength;
  return 8 + 4 + 2 * D + 8 * D + head.packedLength + 2 * D * popcount64(head.extraTokens) + 2 * kBlockTokens + kBlockTokens * Dv + 2 * sinks * (D + Dv);
}

bool finiteHalves(const uint8_t *halves, size_t n) {
  for (size_t i = 0; i < n; i++)
    if ((halves[2 * i + 1] & 0x7c) == 0x7c) return false;
  return true;
}

bool finiteFloats(const uint8_t *floats, size_t n) {
  for (size_t i = 0; i < n; i++)
    if ((floats[4 * i + 3] & 0x7f) == 0x7f && (floats[4 * i + 2] & 0x80)) return false;
  return true;
}

bool readExact(const Setup &setup, Reader *reader, HeadParts *parts) {
  const size_t element = setup.exactElement(), keys = static_cast<size_t>(kBlockTokens) * setup.keyLength, values = static_cast<size_t>(kBlockTokens) * setup.valueLength;
  parts->keys = reader->take(keys * element);
  parts->exactValues = reader->take(values * element);
  if (reader->failed()) return false;
  const auto finite = setup.delta ? finiteHalves : finiteFloats;
  return finite(parts->keys, keys) && finite(parts->exactValues, values);
}

bool readDelta(const Setup &setup, int sinks, Reader *reader, HeadParts *parts) {
  const size_t D = setup.keyLength, Dv = setup.valueLength;
  parts->extraTokens = reader->number<uint64_t>();
  parts->packedLength = reader->number<uint32_t>();
  if (reader->failed() || parts->packedLength > D * kBlockTokens || (parts->extraTokens & ~parts->valid)) return false;
  parts->keyframe = reader->take(2 * D);
  parts->masks = reader->take(8 * D);
  parts->packed = reader->take(parts->packedLength);
  parts->extra = reader->take(2 * D * popcount64(parts->extraTokens));
  parts->scales = reader->take(2 * kBlockTokens);
  parts->values = reader->take(kBlockTokens * Dv);
  parts->sinkKeys = reader->take(2 * D * sinks);
  parts->sinkValues = reader->take(2 * Dv * sinks);
  if (reader->failed()) return false;

  uint64_t packed = 0;
  for (size_t d = 0; d < D; d++) {
    uint64_t mask;
    memcpy(&mask, parts->masks + 8 * d, 8);
    if (mask & (parts->extraTokens | ~parts->valid)) return false;
    packed += popcount64(mask);
  }
  if (packed != parts->packedLength) return false;
  for (uint32_t i = 0; i < parts->packedLength; i++)
    if (parts->packed[i] == 0) return false;
  for (int t = 0; t < kBlockTokens; t++)
    if (parts->scales[2 * t + 1] & 0x80) return false;  // scales are not negative
  return finiteHalves(parts->scales, kBlockTokens) && finiteHalves(parts->sinkKeys, D * sinks) && finiteHalves(parts->sinkValues, Dv * sinks);
}

bool readHead(const Setup &setup, int forms, int sinks, Reader *reader, HeadParts *parts) {
  *parts = HeadParts();
  parts->valid = reader->number<uint64_t>();
  if (reader->failed()) return false;
  return (!(forms & kExactForm) || readExact(setup, reader, parts)) && (!(forms & kDeltaForm) || readDelta(setup, sinks, reader, parts));
}

void copy(void *to, const uint8_t *from, size_t length) {
  if (length) memcpy(to, from, length);
}

void placeExact(const Setup &setup, const HeadParts &parts, const Block &block, int layer, int h) {
  const size_t element = setup.exactElement(), values = setup.valueLength * element, width = setup.valueWidth * element;
  copy(exactKeys(setup, block, layer, h), parts.keys, kBlockTokens * setup.keyLength * element);
  for (int t = 0; t < kBlockTokens; t++) copy(exactValues(setup, block, layer, h) + t * width, parts.exactValues + t * values, values);
}

void placeDelta(const Setup &setup, int sinks, const HeadParts &parts, const DeltaHead &head) {
  const size_t D = setup.keyLength, Dv = setup.valueLength, width = setup.valueWidth;
  copy(head.keyframe, parts.keyframe, 2 * D);
  copy(head.masks, parts.masks, 8 * D);
  copy(head.packed, parts.packed, parts.packedLength);
  copy(head.extra, parts.extra, 2 * D * popcount64(parts.extraTokens));
  copy(head.scales, parts.scales, 2 * kBlockTokens);
  copy(head.sinkKeys, parts.sinkKeys, 2 * D * sinks);
  for (int t = 0; t < kBlockTokens; t++) copy(head.values + t * width, parts.values + t * Dv, Dv);
  for (int t = 0; t < sinks; t++) copy(head.sinkValues + t * width, parts.sinkValues + 2 * t * Dv, 2 * Dv);
}

Status placeDeltas(const Setup &setup, int sinks, int layer, const HeadParts *parts, Block *block) {
  Array<DeltaSizes> sizes;
  if (!sizes.reset(setup.kvHeads)) return Status::outOfMemory;
  for (int h = 0; h < setup.kvHeads; h++) sizes[h] = {parts[h].extraTokens, parts[h].packedLength};
  const Status status = makeDeltaLayer(setup, sizes.data(), sinks, &block->deltas[layer]);
  if (status != Status::ok) return status;
  block->deltaBytes += block->deltas[layer].size;
  for (int h = 0; h < setup.kvHeads; h++) placeDelta(setup, sinks, parts[h], deltaHead(setup, block->deltas[layer], sinks, h));
  return Status::ok;
}

Status readLayers(const Setup &setup, int forms, Reader *reader, Block *block) {
  const int sinks = sinkTokens(setup, *block);
  Array<HeadParts> parts;
  if (!parts.reset(setup.kvHeads)) return Status::outOfMemory;
  for (int layer = 0; layer < setup.layers; layer++) {
    for (int h = 0; h < setup.kvHeads; h++) {
      if (!readHead(setup, forms, sinks, reader, &parts[h])) return Status::blockDamaged;
      block->valid[layer * setup.kvHeads + h] = parts[h].valid;
      if (forms & kExactForm) placeExact(setup, parts[h], *block, layer, h);
    }
    if (forms & kDeltaForm) {
      const Status status = placeDeltas(setup, sinks, layer, parts.data(), block);
      if (status != Status::ok) return status;
    }
    block->counts[layer] = kBlockTokens;
  }
  return reader->left() == 0 ? Status::ok : Status::blockDamaged;
}

void writeExact(const Setup &setup, const Block &block, int layer, int h, Writer *writer) {
  const size_t element = setup.exactElement();
  writer->bytes(exactKeys(setup, block, layer, h), kBlockTokens * setup.keyLength * element);
  const uint8_t *values = exactValues(setup, block, layer, h);
  for (int t = 0; t < kBlockTokens; t++) writer->bytes(values + t * setup.valueWidth * element, setup.valueLength * element);
}

void writeDelta(const Setup &setup, const DeltaHead &head, int sinks, Writer *writer) {
  const size_t D = setup.keyLength, Dv = setup.valueLength, width = setup.valueWidth;
  writer->number(head.extraTokens);
  writer->number(head.packedLength);
  writer->bytes(head.keyframe, 2 * D);
  writer->bytes(head.masks, 8 * D);
  writer->bytes(head.packed, head.packedLength);
  writer->bytes(head.extra, 2 * D * popcount64(head.extraTokens));
  writer->bytes(head.scales, 2 * kBlockTokens);
  for (int t = 0; t < kBlockTokens; t++) writer->bytes(head.values + t * width, Dv);
  writer->bytes(head.sinkKeys, 2 * D * sinks);
  for (int t = 0; t < sinks; t++) writer->bytes(head.sinkValues + t * width, 2 * Dv);
}

}  // namespace

int formsOf(const Setup &setup, const Block &block) {
  bool delta = setup.delta;
  for (int layer = 0; layer < setup.layers && delta; layer++) delta = block.deltas[layer].bytes != nullptr;
  return (block.exact ? kExactForm : 0) | (delta ? kDeltaForm : 0);
}

size_t serializedBytes(const Setup &setup, const Block &block, int forms) {
  size_t bytes = kHeaderBytes + kChecksumBytes;
  const int sinks = sinkTokens(setup, block);
  for (int layer = 0; layer < setup.layers; layer++)
    for (int h = 0; h < setup.kvHeads; h++) {
      bytes += 8;
      if (forms & kExactForm) bytes += exactPartBytes(setup);
      if (forms & kDeltaForm) bytes += deltaPartBytes(setup, block.deltas[layer].records()[h], sinks);
    }
  return bytes;
}

void serializeBlock(const Setup &setup, const Block &block, int forms, const uint8_t *recipe, uint8_t *to) {
  const int sinks = sinkTokens(setup, block);
  Writer writer(to);
  writer.bytes(kMagic, sizeof kMagic);
  writer.number(kFormat);
  writer.bytes(recipe, kRecipeBytes);
  const int geometry[] = {setup.layers, setup.kvHeads, setup.keyLength, setup.valueLength, setup.sinks, referenceOf(setup), kBlockTokens, setup.exactElement(), block.base, forms};
  writer.bytes(geometry, sizeof geometry);
  for (int layer = 0; layer < setup.layers; layer++)
    for (int h = 0; h < setup.kvHeads; h++) {
      writer.number(block.valid[layer * setup.kvHeads + h]);
      if (forms & kExactForm) writeExact(setup, block, layer, h, &writer);
      if (forms & kDeltaForm) writeDelta(setup, deltaHead(setup, block.deltas[layer], sinks, h), sinks, &writer);
    }
  writer.number(xxh64(to, writer.at() - to));
}

Status parseBlock(const Setup &setup, const uint8_t *bytes, size_t length, const uint8_t *recipe, Block **parsed) {
  if (length < kHeaderBytes + kChecksumBytes || memcmp(bytes, kMagic, sizeof kMagic) != 0) return Status::blockDamaged;
  Reader reader(bytes + sizeof kMagic, length - sizeof kMagic - kChecksumBytes);
  if (reader.number<uint32_t>() != kFormat) return Status::blockForeign;
  uint64_t checksum;
  memcpy(&checksum, bytes + length - kChecksumBytes, kChecksumBytes);
  if (checksum != xxh64(bytes, length - kChecksumBytes)) return Status::blockDamaged;
  if (memcmp(reader.take(kRecipeBytes), recipe, kRecipeBytes) != 0) return Status::blockForeign;
  const int geometry[] = {setup.layers, setup.kvHeads, setup.keyLength, setup.valueLength, setup.sinks, referenceOf(setup), kBlockTokens, setup.exactElement()};
  if (memcmp(reader.take(sizeof geometry), geometry, sizeof geometry) != 0) return Status::blockForeign;
  const int base = reader.number<int32_t>();
  const uint32_t forms = reader.number<uint32_t>();
  if (forms < kExactForm || forms > (kExactForm | kDeltaForm) || ((forms & kDeltaForm) && !setup.delta)) return Status::blockDamaged;
  if (base < 0 || base > kMaxPosition - kBlockTokens) return Status::blockDamaged;

  Block *block = makeBlock(setup, forms & kExactForm);
  if (!block) return Status::outOfMemory;
  block->base = base;
  const Status status = readLayers(setup, forms, &reader, block);
  if (status != Status::ok) {
    freeBlock(setup, block);
    return status;
  }
  *parsed = block;
  return Status::ok;
}

}  // namespace deltallm
