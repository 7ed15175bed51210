// calloc with the alignment done by hand: zeroed pages come from the system untouched.
#include "kv/memory.h"

#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

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

void preferLargePages(void *memory, size_t bytes) {
#ifdef __linux__
  constexpr uintptr_t kLargePage = uintptr_t(2) << 20;
  const uintptr_t from = (reinterpret_cast<uintptr_t>(memory) + kLargePage - 1) / kLargePage * kLargePage;
  const uintptr_t to = (reinterpret_cast<uintptr_t>(memory) + bytes) / kLargePage * kLargePage;
  // Where the system refuses, nothing is lost.
  if (from < to) madvise(reinterpret_cast<void *>(from), to - from, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)bytes;
#endif
}

void keepFreedMemory(size_t bytes) {
#ifdef __GLIBC__
  constexpr int kDefault = 128 << 10;       // of all three
  constexpr int kLargestInHeap = 32 << 20;  // glibc takes no more
  const int kept = bytes ? static_cast<int>(bytes) : kDefault;
  // All of them: naming one ends glibc's own adaptation of the others. The pad keeps a thread's last heap from being unmapped when it is empty.
  mallopt(M_MMAP_THRESHOLD, bytes ? kLargestInHeap : kDefault);
  mallopt(M_TRIM_THRESHOLD, kept);
  mallopt(M_TOP_PAD, kept);
  if (!bytes) malloc_trim(0);
#endif
}

}  // namespace deltallm
