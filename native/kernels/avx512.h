// What the AVX-512 sets share, all static: each file compiles its own copy with its own flags, and defines `add_products` before: to each of 16 sums, two products
// of 16 bits. Tokens are the lanes of scores, value elements those of P·V. score = Σ_d q_d·k_d[t]: one FMA chain a lane, d ascending, for up to 6 rows × 4 registers
// at once; what is far in exact sums of whole numbers. exp: degree 6, about 1 ulp.
#pragma once
#include <immintrin.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/rowGroups.h"

namespace {

#define MOST_CHANNELS 256

/* The first n of 16 lanes. */
static inline __mmask16 first(int n) { return (__mmask16)(n >= 16 ? 0xffff : (1u << n) - 1); }

/* e^x for x ≤ 88; 0 below −87 (inputs to −1e30 allowed) and outside `lanes`; exactly 1 at 0. Same polynomial as the scalar set, with FMA. */
static inline __m512 exponential(__m512 x, __mmask16 lanes = 0xffff) {
  const __mmask16 normal = _mm512_mask_cmp_ps_mask(lanes, x, _mm512_set1_ps(-87.0f), _CMP_GT_OQ); /* what the others come to is not looked at */
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 y = _mm512_set1_ps(1.9875691500e-4f);
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.3981999507e-3f));
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(8.3334519073e-3f));
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(4.1665795894e-2f));
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(1.6666665459e-1f));
  y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(5.0000001201e-1f));
  y = _mm512_add_ps(_mm512_fmadd_ps(y, _mm512_mul_ps(r, r), r), _mm512_set1_ps(1.0f));
  return _mm512_maskz_scalef_ps(normal, y, n);
}

/* Cephes tanhf: an odd polynomial below 0.625, 1 − 2/(e^2x + 1) above. */
static inline __m512 hyperbolic_tangent(__m512 x) {
  const __m512 a = _mm512_abs_ps(x);
  const __m512 z = _mm512_mul_ps(a, a);
  __m512 small = _mm512_set1_ps(-5.70498872745e-3f);
  small = _mm512_fmadd_ps(small, z, _mm512_set1_ps(2.06390887954e-2f));
  small = _mm512_fmadd_ps(small, z, _mm512_set1_ps(-5.37397155531e-2f));
  small = _mm512_fmadd_ps(small, z, _mm512_set1_ps(1.33314422036e-1f));
  small = _mm512_fmadd_ps(small, z, _mm512_set1_ps(-3.33332819422e-1f));
  small = _mm512_fmadd_ps(_mm512_mul_ps(small, z), a, a);
  const __m512 e = exponential(_mm512_min_ps(_mm512_add_ps(a, a), _mm512_set1_ps(88.0f)));
  const __m512 large = _mm512_sub_ps(_mm512_set1_ps(1.0f), _mm512_div_ps(_mm512_set1_ps(2.0f), _mm512_add_ps(e, _mm512_set1_ps(1.0f))));
  const __m512 y = _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, _mm512_set1_ps(0.625f), _CMP_LT_OQ), large, small);
  const __m512 sign = _mm512_and_ps(x, _mm512_set1_ps(-0.0f));
  return _mm512_or_ps(y, sign);
}

/* Sources of keys: next() gives channel d's 64 tokens as four float32 registers; channels must be asked for in order. */
struct KeysF32 {
  const float *keys;
  inline void next(__m512 *k) {
    for (int v = 0; v < 4; v++) k[v] = _mm512_loadu_ps(keys + 16 * v);
    keys += DL_TILE;
  }
};

struct KeysF16 {
  const uint16_t *keys;
  inline void next(__m512 *k) {
    for (int v = 0; v < 4; v++) k[v] = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(keys + 16 * v)));
    keys += DL_TILE;
  }
};

template <int R, class Keys>
static inline __attribute__((always_inline)) void scores_rows(Keys keys, int D, const float *q, float *scores) {
  __m512 acc[R][4];
  for (int r = 0; r < R; r++)
    for (int v = 0; v < 4; v++) acc[r][v] = _mm512_setzero_ps();
  for (int d = 0; d < D; d++) {
    __m512 k[4];
    keys.next(k);
    for (int r = 0; r < R; r++) {
      const __m512 x = _mm512_set1_ps(q[r * D + d]);
      for (int v = 0; v < 4; v++) acc[r][v] = _mm512_fmadd_ps(x, k[v], acc[r][v]);
    }
  }
  for (int r = 0; r < R; r++)
    for (int v = 0; v < 4; v++) _mm512_storeu_ps(scores + r * DL_TILE + 16 * v, acc[r][v]);
}

template <class Keys>
static void scores_any(Keys keys, int D, const float *q, int rows, float *scores) {
  in_groups<6>(rows, [=](auto group, int at) { scores_rows<group.count>(keys, D, q + at * D, scores + at * DL_TILE); });
}

static void scores_f32_avx512(const float *keys, int D, const float *q, int rows, float *scores) { scores_any(KeysF32{keys}, D, q, rows, scores); }
static void scores_f16_avx512(const uint16_t *keys, int D, const float *q, int rows, float *scores) { scores_any(KeysF16{keys}, D, q, rows, scores); }

/* n is a multiple of 16 in all uses. */
static void expand_f16_avx512(const uint16_t *from, int n, float *to) {
  for (int i = 0; i < n; i += 16) _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(from + i))));
}

static void expand_i8_avx512(const int8_t *from, int n, float *to) {
  for (int i = 0; i < n; i += 16) _mm512_storeu_ps(to + i, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(from + i)))));
}

static void narrow_f16_avx512(const float *from, int n, uint16_t *to) {
  const __m512 most = _mm512_set1_ps(65504.0f), least = _mm512_set1_ps(-65504.0f);
  for (int i = 0; i < n; i += 16) {
    const __m512 x = _mm512_min_ps(_mm512_max_ps(_mm512_maskz_loadu_ps(first(n - i), from + i), least), most);
    _mm256_mask_storeu_epi16(to + i, first(n - i), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
}

static void round16_avx512(const float *x, int n, int rows, int16_t *to, float *unit) {
  for (int r = 0; r < rows; r++, x += n, to += DL_EVEN(n)) {
    __m512i sizes = _mm512_setzero_si512(); /* as bits: what is not finite is the largest */
    for (int i = 0; i < n; i += 16) sizes = _mm512_max_epu32(sizes, _mm512_castps_si512(_mm512_abs_ps(_mm512_maskz_loadu_ps(first(n - i), x + i))));
    const unsigned largest = _mm512_reduce_max_epu32(sizes);
    const float most = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128((int)largest)));
    const __m512 inverse = _mm512_set1_ps(most >= 1e-30f ? 32767 / most : 0);
    for (int i = 0; i < n; i += 16) {
      const __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(first(n - i), x + i), inverse));
      _mm256_mask_storeu_epi16(to + i, first(DL_EVEN(n) - i), _mm512_cvtsepi32_epi16(whole));
    }
    unit[r] = largest >= 0x7f800000u ? __builtin_nanf("") : most >= 1e-30f ? most / 32767 : 0;
  }
}

/* The lanes of each of four registers together, halves first, then quarters, pairs and neighbours: the order of one alone. */
template <class Join>
static inline __m128 lanes_of_four(const __m512 *x, Join join) {
  const __m512 ab = join(_mm512_shuffle_f32x4(x[0], x[1], 0x44), _mm512_shuffle_f32x4(x[0], x[1], 0xee));
  const __m512 cd = join(_mm512_shuffle_f32x4(x[2], x[3], 0x44), _mm512_shuffle_f32x4(x[2], x[3], 0xee));
  __m512 all = join(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
  all = join(all, _mm512_permute_ps(all, 0x4e));
  all = join(all, _mm512_permute_ps(all, 0xb1));
  return _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, all));
}

static inline __m512 sum_of(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
static inline __m512 whole_sum_of(__m512 a, __m512 b) { return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b))); }
static inline __m512 higher_of(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
/* As bits, of sizes: what is not finite is the largest. */
static inline __m512 larger_of(__m512 a, __m512 b) { return _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(a), _mm512_castps_si512(b))); }
template <class Join>
static inline __m512 joined(const __m512 *x, Join join) { return join(join(x[0], x[1]), join(x[2], x[3])); }

/* Numbers of R rows, one each. What is stored under a mask could not be loaded again at once. */
template <int R>
static inline __m128 load_rows(const float *from) {
  return R == 4 ? _mm_loadu_ps(from) : R == 1 ? _mm_load_ss(from) : _mm_maskz_loadu_ps((1 << R) - 1, from);
}

template <int R>
static inline void store_rows(float *to, __m128 x) {
  if (R == 4) _mm_storeu_ps(to, x);
  else if (R == 1) _mm_store_ss(to, x);
  else _mm_mask_storeu_ps(to, (1 << R) - 1, x);
}

/* Sums of D products of 16 bits do not fit 32: the key's high bytes and its low ones are summed apart. */
template <int R>
static inline void score_rows(const int16_t *key, int D, const int16_t *q, const float *unit, float *scores) {
  __m512 high[4], low[4];
  for (int r = 0; r < 4; r++) high[r] = low[r] = _mm512_setzero_ps();
  for (int d = 0; d < D; d += 32) {
    const __mmask32 own = D - d >= 32 ? ~0u : (1u << (D - d)) - 1;
    const __m512i both = _mm512_maskz_loadu_epi16(own, key + d), h = _mm512_srai_epi16(both, 8), l = _mm512_and_si512(both, _mm512_set1_epi16(255));
    for (int r = 0; r < R; r++) {
      const __m512i x = _mm512_maskz_loadu_epi16(own, q + r * DL_EVEN(D) + d);
      high[r] = _mm512_castsi512_ps(add_products(_mm512_castps_si512(high[r]), x, h));
      low[r] = _mm512_castsi512_ps(add_products(_mm512_castps_si512(low[r]), x, l));
    }
  }
  const __m256i h = _mm256_cvtepi32_epi64(_mm_castps_si128(lanes_of_four(high, whole_sum_of))), l = _mm256_cvtepi32_epi64(_mm_castps_si128(lanes_of_four(low, whole_sum_of)));
  float score[4];
  _mm_storeu_ps(score, _mm_mul_ps(_mm256_cvtepi64_ps(_mm256_add_epi64(_mm256_slli_epi64(h, 8), l)), load_rows<R>(unit)));
  for (int r = 0; r < R; r++) scores[r * DL_TILE] = score[r];
}

static void score_i16_avx512(const int16_t *key, int D, const int16_t *q, const float *unit, int rows, float *scores) {
  in_groups<4>(rows, [=](auto group, int at) { score_rows<group.count>(key, D, q + at * DL_EVEN(D), unit + at, scores + at * DL_TILE); });
}

/* 32 columns of two steps as pairs of 16 bits: columns 0–7 and 16–23, then 8–15 and 24–31. */
static inline void pairs_of(const int8_t *a, const int8_t *b, __m512i *to) {
  const __m256i x = _mm256_loadu_si256((const __m256i *)a), y = _mm256_loadu_si256((const __m256i *)b);
  to[0] = _mm512_cvtepi8_epi16(_mm256_unpacklo_epi8(x, y));
  to[1] = _mm512_cvtepi8_epi16(_mm256_unpackhi_epi8(x, y));
}

/* The sums of these columns in order. */
static inline void in_order(const __m512i *sum, __m512 *to) {
  to[0] = _mm512_cvtepi32_ps(_mm512_shuffle_i64x2(sum[0], sum[1], 0x44));
  to[1] = _mm512_cvtepi32_ps(_mm512_shuffle_i64x2(sum[0], sum[1], 0xee));
}

static inline __m512i factors_of(const int16_t *two) {
  int both;
  memcpy(&both, two, 4);
  return _mm512_set1_epi32(both);
}

/* Whole numbers: R rows × N registers (2 or 4), two steps (channels, or tokens) at a time; what is read `[steps][stride]`, the factors `[rows][factorStride]`. */
template <int R, int N>
static inline __attribute__((always_inline)) void whole_sums(const int8_t *from, int stride, int steps, const int16_t *factors, int factorStride, dl_ahead *ahead, __m512i (*sum)[N]) {
  const char *line = ahead->at, *const end = ahead->end;
  for (int r = 0; r < R; r++)
    for (int n = 0; n < N; n++) sum[r][n] = _mm512_setzero_si512();
  for (int i = 0; i < steps; i += 2, from += 2 * stride) {
    __m512i x[N];
    if (line < end) {
      _mm_prefetch(line, _MM_HINT_T1);
      _mm_prefetch(line + 64, _MM_HINT_T1);
      line += 128;
    }
    for (int n = 0; n < N; n += 2) pairs_of(from + 16 * n, from + stride + 16 * n, x + n);
    for (int r = 0; r < R; r++) {
      const __m512i two = factors_of(factors + r * factorStride + i);
      for (int n = 0; n < N; n++) sum[r][n] = add_products(sum[r][n], x[n], two);
    }
  }
  ahead->at = line;
}

/* In each row's first score lies that of the keyframe. */
template <int R>
static void scores_whole_rows(const int8_t *steps, const dl_delta_keys *keys, int D, const int16_t *q, const float *unit, float *scores, dl_ahead *ahead) {
  __m512i sum[R][4];
  whole_sums<R, 4>(steps, DL_TILE, D, q, DL_EVEN(D), ahead, sum);
  for (int r = 0; r < R; r++) {
    const float frame = scores[r * DL_TILE];
    const __m512 every = _mm512_set1_ps(keys->spread ? frame : 0);
    for (int n = 0; n < 4; n += 2) {
      __m512 x[2];
      in_order(sum[r] + n, x);
      for (int i = 0; i < 2; i++) _mm512_storeu_ps(scores + r * DL_TILE + 16 * (n + i), _mm512_add_ps(_mm512_mul_ps(x[i], _mm512_set1_ps(unit[r])), every));
    }
    if (!keys->spread) scores[r * DL_TILE] += frame;
  }
}

/* Steps: all deltas as int8 `[DL_EVEN(D)][64]`. */
static void scores_whole(const int8_t *steps, const dl_delta_keys *keys, int D, const int16_t *q, const float *unit, int rows, float *scores, dl_ahead *ahead) {
  score_i16_avx512(keys->keyframe, D, q, unit, rows, scores);
  in_groups<6>(rows, [=](auto group, int at) { scores_whole_rows<group.count>(steps, keys, D, q + at * DL_EVEN(D), unit + at, scores + at * DL_TILE, ahead); });
}

template <int R, int N>
static void values_whole_rows(const int8_t *values, int width, int tokens, const int16_t *p, const float *unit, const float *alpha, float *acc, dl_ahead *ahead) {
  __m512i sum[R][N];
  whole_sums<R, N>(values, width, tokens, p, DL_TILE, ahead, sum);
  for (int r = 0; r < R; r++)
    for (int n = 0; n < N; n += 2) {
      __m512 x[2];
      in_order(sum[r] + n, x);
      for (int i = 0; i < 2; i++) {
        float *to = acc + r * width + 16 * (n + i);
        _mm512_storeu_ps(to, _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(to), _mm512_set1_ps(alpha[r])), _mm512_mul_ps(x[i], _mm512_set1_ps(unit[r]))));
      }
    }
}

/* The last 16 elements of a value whose length is an odd multiple of them. */
static void values_whole_tail(const int8_t *values, int width, int tokens, const int16_t *p, float unit, float alpha, float *acc) {
  __m512i sum = _mm512_setzero_si512();
  for (int t = 0; t < tokens; t += 2, values += 2 * width) {
    const __m128i x = _mm_loadu_si128((const __m128i *)values), y = _mm_loadu_si128((const __m128i *)(values + width));
    sum = add_products(sum, _mm512_cvtepi8_epi16(_mm256_set_m128i(_mm_unpackhi_epi8(x, y), _mm_unpacklo_epi8(x, y))), factors_of(p + t));
  }
  _mm512_storeu_ps(acc, _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(acc), _mm512_set1_ps(alpha)), _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(unit))));
}

template <int R>
static void values_whole_columns(const int8_t *values, int width, int tokens, const int16_t *p, const float *unit, const float *alpha, float *acc, dl_ahead *ahead) {
  int i = 0;
  for (; i + 64 <= width; i += 64) values_whole_rows<R, 4>(values + i, width, tokens, p, unit, alpha, acc + i, ahead);
  for (; i + 32 <= width; i += 32) values_whole_rows<R, 2>(values + i, width, tokens, p, unit, alpha, acc + i, ahead);
  if (i < width)
    for (int r = 0; r < R; r++) values_whole_tail(values + i, width, tokens, p + r * DL_TILE, unit[r], alpha[r], acc + r * width + i);
}

static void values_i8_avx512(const int8_t *v, int width, int tokens, const int16_t *p, const float *unit, int rows, const float *alpha, float *acc, dl_ahead *ahead) {
  in_groups<6>(rows, [=](auto group, int at) { values_whole_columns<group.count>(v, width, tokens, p + at * DL_TILE, unit + at, alpha + at, acc + at * width, ahead); });
}

/* Within a register: doubling shifts; between registers: the last lane is carried. */
static void scan_avx512(float *scores, int rows) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i last = _mm512_set1_epi32(15);
  for (int r = 0; r < rows; r++, scores += DL_TILE) {
    __m512 carry = _mm512_setzero_ps();
    for (int v = 0; v < 4; v++) {
      __m512 x = _mm512_loadu_ps(scores + 16 * v);
      x = _mm512_add_ps(x, _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(x), zero, 15)));
      x = _mm512_add_ps(x, _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(x), zero, 14)));
      x = _mm512_add_ps(x, _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(x), zero, 12)));
      x = _mm512_add_ps(x, _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(x), zero, 8)));
      x = _mm512_add_ps(x, carry);
      carry = _mm512_permutexvar_ps(last, x);
      _mm512_storeu_ps(scores + 16 * v, x);
    }
  }
}

/* Which of 16 tokens of a row are seen; of a tile that all rows see whole nothing need be asked. */
template <bool ALL>
static inline __mmask16 seen(uint64_t lanes, int v) { return ALL ? 0xffff : (__mmask16)(lanes >> (16 * v)); }

/* R rows' scores as they count, in place: the lowest where nothing is seen, and for NaN. The highest of each row. */
template <int R, bool ALL>
static inline __m128 count_scores(float *scores, const uint64_t *lanes, float scale, float softcap) {
  const __m512 lowest = _mm512_set1_ps(DL_NO_SCORE);
  __m512 high[4] = {lowest, lowest, lowest, lowest};
  for (int r = 0; r < R; r++)
    for (int v = 0; v < 4; v++) {
      float *at = scores + r * DL_TILE + 16 * v;
      const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(at), _mm512_set1_ps(scale));
      /* The second operand is returned for NaN. */
      __m512 x = ALL ? _mm512_max_ps(scaled, lowest) : _mm512_mask_max_ps(lowest, seen<ALL>(lanes[r], v), scaled, lowest);
      if (softcap > 0) x = _mm512_mask_mul_ps(lowest, seen<ALL>(lanes[r], v), _mm512_set1_ps(softcap), hyperbolic_tangent(_mm512_div_ps(x, _mm512_set1_ps(softcap))));
      x = _mm512_min_ps(x, _mm512_set1_ps(1e30f));
      _mm512_storeu_ps(at, x);
      high[r] = _mm512_max_ps(x, high[r]);
    }
  return lanes_of_four(high, higher_of);
}

/* R rows' weights in place of their scores, zeros in rows that are not kept. What they add to the sum; `largest` of each row, as bits, if that is asked for. */
template <int R, bool ALL>
static inline __m128 weigh(float *scores, const uint64_t *lanes, unsigned kept, const float *highest, const uint16_t *value_scales, __m128 *largest) {
  __m512 added[4], large[4];
  for (int r = 0; r < 4; r++) added[r] = large[r] = _mm512_setzero_ps();
  for (int r = 0; r < R; r++) {
    float *at = scores + r * DL_TILE;
    __m512 x[4];
    for (int v = 0; v < 4; v++) x[v] = kept >> r & 1 ? exponential(_mm512_sub_ps(_mm512_loadu_ps(at + 16 * v), _mm512_set1_ps(highest[r])), seen<ALL>(lanes[r], v)) : _mm512_setzero_ps();
    added[r] = joined(x, sum_of);
    for (int v = 0; v < 4; v++) {
      if (value_scales) x[v] = _mm512_mul_ps(x[v], _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(value_scales + 16 * v))));
      _mm512_storeu_ps(at + 16 * v, x[v]);
    }
    if (largest) large[r] = joined(x, larger_of);
  }
  if (largest) *largest = lanes_of_four(large, larger_of);
  return lanes_of_four(added, sum_of);
}

/* R rows of weights as `round16` makes them; in `unit` lies the largest of each before. */
template <int R>
static inline void round_rows(const float *weights, int16_t *whole, float *unit) {
  const __m128 largest = load_rows<R>(unit), steps = _mm_set1_ps(32767);
  const __mmask8 counts = _mm_cmp_ps_mask(largest, _mm_set1_ps(1e-30f), _CMP_GE_OQ), spoiled = _mm_cmp_ps_mask(largest, _mm_set1_ps(__builtin_inff()), _CMP_NLT_UQ);
  store_rows<R>(unit, _mm_mask_mov_ps(_mm_maskz_div_ps(counts, largest, steps), spoiled, _mm_set1_ps(__builtin_nanf(""))));
  float inverse[4];
  _mm_storeu_ps(inverse, _mm_maskz_div_ps(counts, steps, largest));
  for (int r = 0; r < R; r++)
    for (int i = r * DL_TILE; i < (r + 1) * DL_TILE; i += 16)
      _mm256_storeu_si256((__m256i *)(whole + i), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(weights + i), _mm512_set1_ps(inverse[r])))));
}

/* Step after step over all rows, four at a time: one row by itself would wait for each of its steps. In alpha lies each row's highest score of the tile first. */
template <bool ALL>
static int softmax_tile(float *scores, int rows, const uint64_t *lanes, float scale, float softcap, const uint16_t *value_scales, int16_t *whole, float *unit, float *maximum, float *sum, float *alpha) {
  int all = 0;
  in_groups<4>(rows, [=](auto group, int at) {
    store_rows<group.count>(alpha + at, count_scores<group.count, ALL>(scores + at * DL_TILE, lanes + at, scale, softcap));
  });
  in_groups<4>(rows, [=, &all](auto group, int at) {
    constexpr int R = group.count;
    const __m128 before = load_rows<R>(maximum + at), tile = load_rows<R>(alpha + at), highest = _mm_max_ps(tile, before);
    const __mmask8 kept = _mm_mask_cmp_ps_mask((1 << R) - 1, tile, _mm_sub_ps(before, _mm_set1_ps(DL_SKIP)), _CMP_NLT_UQ);
    const __m128 fade = _mm512_castps512_ps128(exponential(_mm512_castps128_ps512(_mm_sub_ps(before, highest))));
    float top[4];
    __m128 largest;
    _mm_storeu_ps(top, highest);
    const __m128 added = weigh<R, ALL>(scores + at * DL_TILE, lanes + at, kept, top, value_scales, whole ? &largest : nullptr);
    if (whole) store_rows<R>(unit + at, largest);
    store_rows<R>(sum + at, _mm_add_ps(_mm_mul_ps(load_rows<R>(sum + at), fade), added));
    store_rows<R>(maximum + at, highest);
    store_rows<R>(alpha + at, fade);
    all += __builtin_popcount(kept);
  });
  if (whole) in_groups<4>(rows, [=](auto group, int at) { round_rows<group.count>(scores + at * DL_TILE, whole + at * DL_TILE, unit + at); });
  return all;
}

static int softmax_avx512(float *scores, int rows, const uint64_t *lanes, float scale, float softcap, const uint16_t *value_scales, int16_t *whole, float *unit, float *maximum, float *sum, float *alpha) {
  uint64_t every = ~(uint64_t)0;
  for (int r = 0; r < rows; r++) every &= lanes[r];
  const auto tile = every == ~(uint64_t)0 ? softmax_tile<true> : softmax_tile<false>;
  return tile(scores, rows, lanes, scale, softcap, value_scales, whole, unit, maximum, sum, alpha);
}

static inline __m512 value(const float *v) { return _mm512_loadu_ps(v); }
static inline __m512 value(const uint16_t *v) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)v)); }

template <int R, int N, class T>
static inline __attribute__((always_inline)) void values_rows(const T *values, int width, int tokens, const float *p, const float *alpha, float *acc) {
  __m512 sum[R][N];
  for (int r = 0; r < R; r++)
    for (int n = 0; n < N; n++) sum[r][n] = _mm512_mul_ps(_mm512_loadu_ps(acc + r * width + 16 * n), _mm512_set1_ps(alpha[r]));
  for (int t = 0; t < tokens; t++, values += width) {
    __m512 x[N];
    for (int n = 0; n < N; n++) x[n] = value(values + 16 * n);
    for (int r = 0; r < R; r++) {
      const __m512 weight = _mm512_set1_ps(p[r * DL_TILE + t]);
      for (int n = 0; n < N; n++) sum[r][n] = _mm512_fmadd_ps(weight, x[n], sum[r][n]);
    }
  }
  for (int r = 0; r < R; r++)
    for (int n = 0; n < N; n++) _mm512_storeu_ps(acc + r * width + 16 * n, sum[r][n]);
}

template <int R, class T>
static void values_columns(const T *values, int width, int tokens, const float *p, const float *alpha, float *acc) {
  int i = 0;
  for (; i + 64 <= width; i += 64) values_rows<R, 4>(values + i, width, tokens, p, alpha, acc + i);
  switch ((width - i) / 16) {
    case 3: return values_rows<R, 3>(values + i, width, tokens, p, alpha, acc + i);
    case 2: return values_rows<R, 2>(values + i, width, tokens, p, alpha, acc + i);
    case 1: return values_rows<R, 1>(values + i, width, tokens, p, alpha, acc + i);
  }
}

template <class T>
static void values_any(const T *values, int width, int tokens, const float *p, int rows, const float *alpha, float *acc) {
  in_groups<6>(rows, [=](auto group, int at) { values_columns<group.count>(values, width, tokens, p + at * DL_TILE, alpha + at, acc + at * width); });
}

static void values_f32_avx512(const float *v, int width, int tokens, const float *p, int rows, const float *alpha, float *acc) { values_any(v, width, tokens, p, rows, alpha, acc); }
static void values_f16_avx512(const uint16_t *v, int width, int tokens, const float *p, int rows, const float *alpha, float *acc) { values_any(v, width, tokens, p, rows, alpha, acc); }

static void merge_avx512(float *total_max, float *total_sum, float *total_acc, float part_max, float part_sum, const float *part_acc, int width) {
  const float highest = *total_max > part_max ? *total_max : part_max;
  const __m512 a = exponential(_mm512_set1_ps(*total_max - highest)), b = exponential(_mm512_set1_ps(part_max - highest));
  *total_max = highest;
  *total_sum = *total_sum * _mm512_cvtss_f32(a) + part_sum * _mm512_cvtss_f32(b);
  for (int i = 0; i < width; i += 16) {
    const __m512 part = _mm512_mul_ps(_mm512_loadu_ps(part_acc + i), b);
    _mm512_storeu_ps(total_acc + i, _mm512_fmadd_ps(_mm512_loadu_ps(total_acc + i), a, part));
  }
}

}  // namespace

#define DL_AVX512_SET(name, scores_delta) \
  {name, 6, round16_avx512, scores_f32_avx512, scores_f16_avx512, scores_delta, score_i16_avx512, expand_f16_avx512, expand_i8_avx512, narrow_f16_avx512, \
   scan_avx512, softmax_avx512, values_f32_avx512, values_f16_avx512, values_i8_avx512, merge_avx512}
