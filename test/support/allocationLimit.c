// LD_PRELOAD shim that stands in for Electron, where one allocation of 1-2 GiB traps: a single request of DELTALLM_ALLOCATION_LIMIT
// bytes (default 1 GiB) or more writes one line to stderr and aborts.
//
// Counted: malloc, calloc, realloc, reallocarray, aligned_alloc, memalign, posix_memalign (C++ new ends in malloc), writable anonymous mmap,
// and mprotect that makes such a range writable at once.
// Not counted: file-backed mappings (weights are mapped, and Electron maps files of any size), PROT_NONE mappings and MAP_NORESERVE ones
// (address space without memory: V8 reserves its pointer cage and code range that way at every start).
//
// glibc's own __libc_ names are called, not dlsym(RTLD_NEXT): dlsym itself allocates.

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static size_t limit(void) {
  static size_t bytes = 0;
  if (bytes == 0) {
    const char *text = getenv("DELTALLM_ALLOCATION_LIMIT");
    bytes = text != NULL ? strtoull(text, NULL, 10) : (size_t)1 << 30;
  }
  return bytes;
}

static void check(const char *function, size_t bytes) {
  if (bytes < limit()) return;
  char line[160];
  int length = snprintf(line, sizeof line, "allocationLimit: %s of %zu bytes\n", function, bytes);
  if (write(2, line, (size_t)length) < 0) _exit(134);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); // no core file of a whole model
  abort();
}

static size_t product(size_t count, size_t size) {
  size_t bytes;
  return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

void *malloc(size_t bytes) {
  check("malloc", bytes);
  return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t size) {
  check("calloc", product(count, size));
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t bytes) {
  check("realloc", bytes);
  return __libc_realloc(old, bytes);
}

void *reallocarray(void *old, size_t count, size_t size) {
  const size_t bytes = product(count, size);
  check("reallocarray", bytes);
  return __libc_realloc(old, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
  check("memalign", bytes);
  return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  check("aligned_alloc", bytes);
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes) {
  check("posix_memalign", bytes);
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void *memory = __libc_memalign(alignment, bytes);
  if (memory == NULL) return ENOMEM;
  *out = memory;
  return 0;
}

void *mmap(void *address, size_t bytes, int protection, int flags, int descriptor, off_t offset) {
  if ((flags & MAP_ANONYMOUS) && (protection & PROT_WRITE) && !(flags & MAP_NORESERVE)) check("anonymous mmap", bytes);
  return (void *)syscall(SYS_mmap, address, bytes, protection, flags, descriptor, offset);
}

void *mmap64(void *address, size_t bytes, int protection, int flags, int descriptor, off_t offset) {
  return mmap(address, bytes, protection, flags, descriptor, offset);
}

int mprotect(void *address, size_t bytes, int protection) {
  if (protection & PROT_WRITE) check("mprotect to writable", bytes);
  return (int)syscall(SYS_mprotect, address, bytes, protection);
}
