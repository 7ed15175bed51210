// XXH64 (Yann Collet's xxHash, 64 bits, seed 0): detects damage on disk, not malice.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace deltallm {

uint64_t xxh64(const uint8_t *bytes, size_t length);

}  // namespace deltallm
