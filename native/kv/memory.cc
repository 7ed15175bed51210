// calloc with the alignment done by hand: zeroed pages come from the system untouched.
#include "kv/memory.h"

#include <stdlib.h>

namespace deltallm {

void *allocateZeroed(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  char *raw = static_cast<char *>(calloc(1, bytes + 2 * kAlignment));
  if (!raw) return nullptr;
  char *aligned = raw + kAlignment - reinterpret_cast<uintptr_t>(raw) % kAlignment;
  if (static_cast<size_t>(aligned - raw) < sizeof(void *)) aligned += kAlignment;
  reinterpret_cast<void **>(aligned)[-1] = raw;
  return aligned;
}

void *allocateCompact(size_t bytes) { return calloc(1, bytes); }

void releaseCompact(void *memory) { free(memory); }

void releaseMemory(void *memory) {
  if (memory) free(static_cast<void **>(memory)[-1]);
}

}  // namespace deltallm
