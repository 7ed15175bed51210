// XXH64 after its specification (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), little-endian hosts.
#include "kv/checksum.h"

#include <string.h>

namespace deltallm {
namespace {

constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87ull, kPrime2 = 0xC2B2AE3D27D4EB4Full, kPrime3 = 0x165667B19E3779F9ull, kPrime4 = 0x85EBCA77C2B2AE63ull,
                   kPrime5 = 0x27D4EB2F165667C5ull;

uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }
uint64_t round64(uint64_t acc, uint64_t lane) { return rotate(acc + lane * kPrime2, 31) * kPrime1; }
uint64_t mergeRound(uint64_t acc, uint64_t value) { return (acc ^ round64(0, value)) * kPrime1 + kPrime4; }

template <class T>
T read(const uint8_t *bytes) {
  T x;
  memcpy(&x, bytes, sizeof x);
  return x;
}

}  // namespace

uint64_t xxh64(const uint8_t *bytes, size_t length) {
  const uint8_t *end = bytes + length;
  uint64_t hash;
  if (length >= 32) {
    uint64_t a = kPrime1 + kPrime2, b = kPrime2, c = 0, d = 0 - kPrime1;
    for (; end - bytes >= 32; bytes += 32) {
      a = round64(a, read<uint64_t>(bytes));
      b = round64(b, read<uint64_t>(bytes + 8));
      c = round64(c, read<uint64_t>(bytes + 16));
      d = round64(d, read<uint64_t>(bytes + 24));
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    hash = mergeRound(mergeRound(mergeRound(mergeRound(hash, a), b), c), d);
  } else {
    hash = kPrime5;
  }
  hash += length;
  for (; end - bytes >= 8; bytes += 8) hash = rotate(hash ^ round64(0, read<uint64_t>(bytes)), 27) * kPrime1 + kPrime4;
  if (end - bytes >= 4) {
    hash = rotate(hash ^ read<uint32_t>(bytes) * kPrime1, 23) * kPrime2 + kPrime3;
    bytes += 4;
  }
  for (; bytes < end; bytes++) hash = rotate(hash ^ *bytes * kPrime5, 11) * kPrime1;
  hash = (hash ^ hash >> 33) * kPrime2;
  hash = (hash ^ hash >> 29) * kPrime3;
  return hash ^ hash >> 32;
}

}  // namespace deltallm
