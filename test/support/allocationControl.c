// What the allocation limit must catch, and what it must let pass: `allocationControl WAY BYTES` makes one such request and exits 0.

#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(int count, char **arguments) {
  if (count != 3) return 2;
  const char *way = arguments[1];
  const size_t bytes = strtoull(arguments[2], NULL, 10);
  const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  void *volatile memory = NULL;
  if (strcmp(way, "malloc") == 0) memory = malloc(bytes);
  else if (strcmp(way, "calloc") == 0) memory = calloc(bytes / 8, 8);
  else if (strcmp(way, "realloc") == 0) memory = realloc(malloc(16), bytes);
  else if (strcmp(way, "aligned_alloc") == 0) memory = aligned_alloc(64, bytes);
  else if (strcmp(way, "memalign") == 0) memory = memalign(64, bytes);
  else if (strcmp(way, "posix_memalign") == 0) { void *out = NULL; if (posix_memalign(&out, 64, bytes) == 0) memory = out; }
  else if (strcmp(way, "mmap") == 0) memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, anonymous, -1, 0);
  else if (strcmp(way, "reserve") == 0) memory = mmap(NULL, bytes, PROT_NONE, anonymous, -1, 0);
  else if (strcmp(way, "noreserve") == 0) memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, anonymous | MAP_NORESERVE, -1, 0);
  else if (strcmp(way, "mprotect") == 0) {
    memory = mmap(NULL, bytes, PROT_NONE, anonymous, -1, 0);
    if (mprotect(memory, bytes, PROT_READ | PROT_WRITE) != 0) return 3;
  } else return 2;
  printf("%p\n", memory);
  return 0;
}
