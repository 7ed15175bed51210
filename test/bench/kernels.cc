// The kernels of one set over the tiles that one decode step of the 1B shape reads at 8 192 tokens: 16 layers, 8 KV heads, 4 query heads on each, D = 64;
// 120 far tiles of a sequence in delta form, 9 near ones in float16. The build names the set: -DSET=dl_kernels_avx2.
//   kernels ROUNDS   prints for each part: milliseconds of processor a step (median), tokens of all layers, bytes it reads, and milliseconds of a plain read of as many
//   kernels once     every part once over 8 tiles, for an instruction counter
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/kernels.h"

enum { LAYERS = 16, KV_HEADS = 8, ROWS = 4, D = 64, FAR = 120, NEAR = 9 };
enum { MASKS = D * 8, PACKED = D * DL_TILE, KEYFRAME = D * 2, SCALES = DL_TILE * 2, VALUES = DL_TILE * D, HALF = DL_TILE * D * 2 };

static uint32_t state = 1;
static uint32_t bits(void) {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

/* Delta-coded tiles, each packed as tightly as its zeros allow, one behind the other as a block holds its heads. */
struct Tiles {
  int count, spread;
  unsigned char *memory;
  size_t *at; /* [count + 1] */

  Tiles(int count, int ones_in_256, int spread) : count(count), spread(spread), memory((unsigned char *)malloc((size_t)count * (MASKS + PACKED + KEYFRAME + SCALES + VALUES) + DL_PACKED_SLACK)), at((size_t *)malloc((count + 1) * sizeof(size_t))) {
    size_t next = 0;
    for (int tile = 0; tile < count; tile++) {
      at[tile] = next;
      int ones = 0;
      for (int d = 0; d < D; d++) {
        uint64_t mask = 0;
        for (int t = 0; t < DL_TILE; t++) mask |= (uint64_t)((int)(bits() >> 24) < ones_in_256) << t;
        memcpy(memory + next + 8 * d, &mask, 8);
        ones += __builtin_popcountll(mask);
      }
      const size_t rest = KEYFRAME + SCALES + VALUES + ((ones + 1) & ~1);
      for (size_t i = 0; i < rest; i++) memory[next + MASKS + i] = (unsigned char)(bits() >> 26);
      next += MASKS + rest;
    }
    at[count] = next;
    memset(memory + next, 0, DL_PACKED_SLACK);
  }
  size_t bytes() const { return at[count]; }
  const unsigned char *values(int tile) const { return memory + at[tile] + MASKS + KEYFRAME + SCALES; }
  /* Of the next tile: the keys, then the values, as an attend asks for them. */
  dl_ahead ahead(int tile, bool values) const {
    if (++tile >= count) return {};
    const char *from = (const char *)this->values(tile), *packed = from + VALUES;
    return values ? dl_ahead{from, packed} : dl_ahead{packed, (const char *)memory + at[tile + 1]};
  }
  size_t value_bytes() const { return (size_t)count * (SCALES + VALUES); }
  dl_delta_keys keys(int tile) const {
    const unsigned char *from = memory + at[tile];
    return {(const uint64_t *)from, (const int8_t *)values(tile) + VALUES, (const int16_t *)(from + MASKS), spread};
  }
};

static int far_tiles, near_tiles;
static Tiles *delta, *int8;
static uint16_t *half; /* [near_tiles][2][4096]: keys, values */
static int16_t whole[ROWS * D], weights[ROWS * DL_TILE];
static float unit[ROWS], worth[ROWS];
static float q[ROWS * D], scores[DL_TILE][ROWS * DL_TILE], maximum[ROWS], sum[ROWS], alpha[ROWS] = {1, 1, 1, 1}, acc[ROWS * D];
static const uint64_t lanes[ROWS] = {~0ull, ~0ull, ~0ull, ~0ull};
static uint16_t scales[DL_TILE];
static volatile uint64_t sink;

#define PART static __attribute__((noinline)) void
static void scores_of(const Tiles &tiles) {
  for (int i = 0; i < tiles.count; i++) {
    const dl_delta_keys keys = tiles.keys(i);
    dl_ahead ahead = tiles.ahead(i, false);
    SET.scores_delta(&keys, D, whole, unit, ROWS, scores[i % DL_TILE], &ahead);
  }
}
PART scores_delta(void) { scores_of(*delta); }
PART scan(void) {
  for (int i = 0; i < far_tiles; i++) SET.scan(scores[i % DL_TILE], ROWS);
}
PART scores_int8(void) { scores_of(*int8); }
PART scores_half(void) {
  for (int i = 0; i < near_tiles; i++) SET.scores_f16(half + (size_t)i * HALF, D, q, ROWS, scores[i % DL_TILE]);
}
PART softmax(void) {
  for (int i = 0; i < far_tiles + near_tiles; i++) SET.softmax(scores[i % DL_TILE], ROWS, lanes, 0.125f, 0, i < far_tiles ? scales : 0, maximum, sum, alpha);
}
PART rounding(void) {
  for (int i = 0; i < far_tiles; i++) SET.round16(scores[i % DL_TILE], DL_TILE, ROWS, weights, worth);
}
PART values_int8(void) {
  for (int i = 0; i < far_tiles; i++) {
    dl_ahead ahead = delta->ahead(i, true);
    SET.values_i8((const int8_t *)delta->values(i), D, DL_TILE, weights, worth, ROWS, alpha, acc, &ahead);
  }
}
PART values_half(void) {
  for (int i = 0; i < near_tiles; i++) SET.values_f16(half + (size_t)i * HALF + HALF / 2, D, DL_TILE, scores[i % DL_TILE], ROWS, alpha, acc);
}

/* Every byte once, eight at a time, and nothing else. */
static void plain_read(const unsigned char *from, size_t bytes) {
  uint64_t a = 0, b = 0, c = 0, d = 0;
  for (size_t i = 0; i + 32 <= bytes; i += 32) {
    uint64_t word[4];
    memcpy(word, from + i, 32);
    a += word[0], b += word[1], c += word[2], d += word[3];
  }
  sink = a + b + c + d;
}

/* Processor time, for others may use the cores meanwhile. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
static int ascending(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

struct Part {
  const char *name;
  void (*run)(void);
  int tiles;
  size_t bytes;
};

int main(int count, char **words) {
  const bool once = count > 1 && strcmp(words[1], "once") == 0;
  const int rounds = once ? 1 : count > 1 ? atoi(words[1]) : 15;
  if (rounds < 1 || rounds > 1000) return 2;
  far_tiles = near_tiles = 8;
  if (!once) far_tiles = LAYERS * KV_HEADS * FAR, near_tiles = LAYERS * KV_HEADS * NEAR;
  delta = new Tiles(far_tiles, 90, 0); /* 65 % zeros */
  int8 = new Tiles(far_tiles, 243, 1); /* 5 % zeros, as θ = 0 leaves them */
  half = (uint16_t *)malloc((size_t)near_tiles * HALF * 2);
  for (size_t i = 0; i < (size_t)near_tiles * HALF; i++) half[i] = 0x2c00 | (bits() & 0x83ff);
  for (int i = 0; i < ROWS * D; i++) q[i] = (bits() >> 8) / 16777216.0f - 0.5f;
  for (int i = 0; i < DL_TILE; i++) scales[i] = 0x2000;
  SET.round16(q, D, ROWS, whole, unit);

  const Part parts[] = {
      {"scores_delta", scores_delta, far_tiles, delta->bytes() - delta->value_bytes()},
      {"scan", scan, far_tiles, 0},
      {"scores_int8", scores_int8, far_tiles, int8->bytes() - int8->value_bytes()},
      {"scores_half", scores_half, near_tiles, (size_t)near_tiles * HALF},
      {"softmax", softmax, far_tiles + near_tiles, 0},
      {"rounding", rounding, far_tiles, 0},
      {"values_int8", values_int8, far_tiles, delta->value_bytes()},
      {"values_half", values_half, near_tiles, (size_t)near_tiles * HALF},
  };
  for (const Part &part : parts) {
    double *times = (double *)malloc(2 * rounds * sizeof(double)), *reads = times + rounds;
    for (int round = 0; round < rounds; round++) {
      for (int r = 0; r < ROWS; r++) maximum[r] = DL_NO_SCORE, sum[r] = 0;
      double began = now();
      part.run();
      times[round] = now() - began;
      began = now();
      if (part.bytes) plain_read(int8->memory, part.bytes);
      reads[round] = now() - began;
    }
    qsort(times, rounds, sizeof(double), ascending);
    qsort(reads, rounds, sizeof(double), ascending);
    if (!once) printf("%s %.3f %d %zu %.3f\n", part.name, times[rounds / 2], part.tiles / KV_HEADS * DL_TILE, part.bytes, reads[rounds / 2]);
    free(times);
  }
  return 0;
}
