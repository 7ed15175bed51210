// The contract of a kernel set: the inner loops of attention over one tile (a block of 64 tokens) of one layer and KV head.
// Plain C, so that kernel files need nothing else. Rows are (query, head) pairs that share the tile; `scores` is `[rows][64]`.
// Every sum is one chain in a fixed order that does not depend on `rows`: a row gives the same bits alone or among others.
// Kernels cannot fail; all pointers are valid, padded as stated, and may be unaligned unless said otherwise.
#pragma once
#include <stdint.h>

#define DL_TILE 64       /* tokens of a tile */
#define DL_VALUE_PAD 16  /* value rows are padded with zeros to a multiple of this many elements */
#define DL_PACKED_SLACK 64 /* readable bytes after the last packed delta */
#define DL_EVEN(n) (((n) + 1) & ~1) /* from one row of whole numbers to the next: they are multiplied in pairs */
#define DL_NO_SCORE (-1e30f) /* running maximum before the first token; also the lowest score */
#define DL_SKIP 25.0f    /* nats below the running maximum from which a row leaves a whole tile out; the bound is in native/README.md */

/* Delta-coded keys of one tile, channel-major, in integer steps. */
typedef struct {
  const uint64_t *masks;   /* [D] bit t: token t has a delta in this channel */
  const int8_t *packed;    /* the deltas: channels ascending, tokens ascending; DL_PACKED_SLACK readable bytes behind */
  const int16_t *keyframe; /* [D] */
  int spread;              /* 0: the keyframe stands at token 0, deltas accumulate (scan); 1: it is added to every token */
} dl_delta_keys;

/* What is wanted next: a set asks the memory for its lines while it computes, and must not read it; any address is allowed. `at` moves on past what was asked for. */
typedef struct {
  const char *at, *end;
} dl_ahead;

typedef struct {
  const char *name;
  /* Above this many rows it pays to expand a tile of float16 once to float32. */
  int fused_rows;

  /* Whole numbers in 16 bits: to[r][i] = x[r][i] / unit[r], to the nearest, ties to even; unit[r] = max |x[r]| / 32767. A row without a number of 1e-30 in size becomes
     zeros and a unit of 0; one with a number that is not finite gets a unit of NaN. x `[rows][n]`, to `[rows][DL_EVEN(n)]`. */
  void (*round16)(const float *x, int n, int rows, int16_t *to, float *unit);

  /* scores[r][t] = Σ_d q[r][d]·keys[d][t], d ascending. keys `[D][64]`, q `[rows][D]`. */
  void (*scores_f32)(const float *keys, int D, const float *q, int rows, float *scores);
  void (*scores_f16)(const uint16_t *keys, int D, const float *q, int rows, float *scores);
  /* scores[r][t] = unit[r]·Σ_d q[r][d]·delta[d][t], to which unit[r]·Σ_d q[r][d]·keyframe[d] is added: at every token with spread = 1, else at token 0, and the sums
     still need `scan`. q and unit as `round16` makes them, keyframe `[D]` with `DL_EVEN(D)` readable elements. Sums of whole numbers are exact, so that every set gives the same bits. */
  void (*scores_delta)(const dl_delta_keys *keys, int D, const int16_t *q, const float *unit, int rows, float *scores, dl_ahead *ahead);
  /* scores[r][0] = unit[r]·Σ_d q[r][d]·key[d]: one key of 16 bits, the same in every set. */
  void (*score_i16)(const int16_t *key, int D, const int16_t *q, const float *unit, int rows, float *scores);

  /* Float32 copies of n elements. */
  void (*expand_f16)(const uint16_t *from, int n, float *to);
  void (*expand_i8)(const int8_t *from, int n, float *to);
  /* Float16 copies of n finite elements, to the nearest, ties to even; beyond ±65504: ±65504. Every set gives the same bits. */
  void (*narrow_f16)(const float *from, int n, uint16_t *to);

  /* Inclusive prefix sum over the 64 tokens of each row, in place. */
  void (*scan)(float *scores, int rows);

  /* Online softmax of one tile: scores become exp(score − new maximum), 0 where the bit in lanes[r] is clear.
     score = softcap·tanh(scale·s/softcap), or scale·s. alpha[r] is the factor for what was accumulated before.
     With value_scales (f16 `[64]`) the weights are multiplied by them after they have been added to sum.
     With whole `[rows][64]` they are wanted as `round16` makes them, with unit; what scores hold then is nobody's.
     A row whose highest score lies more than DL_SKIP below its running maximum becomes zeros. Returns the number of other rows. */
  int (*softmax)(float *scores, int rows, const uint64_t *lanes, float scale, float softcap, const uint16_t *value_scales, int16_t *whole, float *unit, float *maximum, float *sum, float *alpha);

  /* acc[r] = acc[r]·alpha[r] + Σ_{t<tokens} p[r][t]·values[t], t ascending. values `[64][width]`, acc `[rows][width]`, width a multiple of 16. */
  void (*values_f32)(const float *values, int width, int tokens, const float *p, int rows, const float *alpha, float *acc);
  void (*values_f16)(const uint16_t *values, int width, int tokens, const float *p, int rows, const float *alpha, float *acc);
  /* acc[r] = acc[r]·alpha[r] + unit[r]·Σ_t p[r][t]·values[t], the sum exact: every set gives the same bits. p `[rows][64]` and unit as `round16` makes them, 0 from `tokens` on;
     values `[64][width]`. */
  void (*values_i8)(const int8_t *values, int width, int tokens, const int16_t *p, const float *unit, int rows, const float *alpha, float *acc, dl_ahead *ahead);

  /* Adds the partial (maximum, sum, acc `[width]`) to the total of one row. */
  void (*merge)(float *total_max, float *total_sum, float *total_acc, float part_max, float part_sum, const float *part_acc, int width);
} dl_kernels;

#ifdef __cplusplus
extern "C" {
#endif
extern const dl_kernels dl_kernels_scalar;
extern const dl_kernels dl_kernels_avx512;
extern const dl_kernels dl_kernels_avx512vbmi2;
extern const dl_kernels dl_kernels_avx2;
extern const dl_kernels dl_kernels_neon;
#ifdef __cplusplus
}
#endif
