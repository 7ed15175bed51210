// The kernel set for AVX2 with FMA, F16C and POPCNT (Haswell, Zen and later): 6 rows × 2 registers of 8 share what is loaded.
// Delta keys are spread by byte shuffles from a table (no vpexpand, and no pdep, which is microcode before Zen 3).
#include <immintrin.h>
#include <stdint.h>

namespace {

#define LANES 8
#define COLUMNS 2
#define ROWS 6

typedef __m256 V;
typedef __m256i I, Pairs, Factors; /* LANES sums; of LANES columns two steps each, in 16 bits; two factors, the same in every lane */

static inline V load(const float *x) { return _mm256_loadu_ps(x); }
static inline V load(const uint16_t *x) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)x)); }
static inline V load(const int8_t *x) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)x))); }
static inline void store(float *to, V x) { _mm256_storeu_ps(to, x); }
static inline void store(uint16_t *to, V x) { _mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)); }
static inline V all(float x) { return _mm256_set1_ps(x); }
static inline V add(V a, V b) { return _mm256_add_ps(a, b); }
static inline V sub(V a, V b) { return _mm256_sub_ps(a, b); }
static inline V mul(V a, V b) { return _mm256_mul_ps(a, b); }
static inline V divided(V a, V b) { return _mm256_div_ps(a, b); }
static inline V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
static inline V minus_product(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
/* Where a is NaN: b. */
static inline V max_of(V a, V b) { return _mm256_max_ps(a, b); }
static inline V min_of(V a, V b) { return _mm256_min_ps(a, b); }
static inline V rounded(V x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline V absolute(V x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
static inline V with_sign(V x, V sign) { return _mm256_or_ps(x, _mm256_and_ps(sign, _mm256_set1_ps(-0.0f))); }
/* 2^n for whole n from −126 to 127. */
static inline V power_of_two(V n) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(_mm256_add_ps(n, _mm256_set1_ps(12582912.0f + 127))), 23)); } /* a whole number lies in the last bits of its sum with 1.5·2^23 */
/* x where a < b, else y. */
static inline V where_below(V a, V b, V x, V y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
/* x in lanes whose bit is set, else y. */
static inline V where_set(unsigned bits, V x, V y) {
  const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i set = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), lane), lane);
  return _mm256_blendv_ps(y, x, _mm256_castsi256_ps(set));
}
static inline float first_lane(V x) { return _mm256_cvtss_f32(x); }
static inline float highest_lane(V x) {
  __m128 a = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  a = _mm_max_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)));
}
static inline float sum_of_lanes(V x) {
  __m128 a = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  a = _mm_add_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
}
static inline void spread8(const int8_t *packed, const uint8_t *places, int8_t *to) {
  _mm_storel_epi64((__m128i *)to, _mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)packed), _mm_loadl_epi64((const __m128i *)places)));
}

static inline I no_sum(void) { return _mm256_setzero_si256(); }
static inline V floats_of(I x) { return _mm256_cvtepi32_ps(x); }
/* 2·LANES columns of two steps. */
static inline void pairs_of(const int8_t *a, const int8_t *b, Pairs *to) {
  const __m128i x = _mm_loadu_si128((const __m128i *)a), y = _mm_loadu_si128((const __m128i *)b);
  to[0] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(x, y));
  to[1] = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(x, y));
}
static inline Factors factors_of(const int16_t *two) {
  int both;
  __builtin_memcpy(&both, two, 4);
  return _mm256_set1_epi32(both);
}
/* As one: GCC would make all products of a step before the first is added, and put sums into memory for them. */
static inline I add_products(I sum, Pairs x, Factors two) {
  I products;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(sum), "=&x"(products) : "x"(x), "x"(two));
  return sum;
}
/* LANES numbers, to the nearest, ties to even. */
static inline void store16(int16_t *to, V x) {
  const __m256i whole = _mm256_cvtps_epi32(x);
  _mm_storeu_si128((__m128i *)to, _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
}
/* Pairs of products fit 32 bits, for factors are never −32768; their sums do not. */
static inline float dot_i16(const int16_t *key, int D, const int16_t *q) {
  __m256i sums = _mm256_setzero_si256();
  int d = 0;
  for (; d + 16 <= D; d += 16) {
    const __m256i products = _mm256_madd_epi16(_mm256_loadu_si256((const __m256i *)(key + d)), _mm256_loadu_si256((const __m256i *)(q + d)));
    sums = _mm256_add_epi64(sums, _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(products)), _mm256_cvtepi32_epi64(_mm256_extracti128_si256(products, 1))));
  }
  const __m128i halves = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  int64_t sum = _mm_extract_epi64(halves, 0) + _mm_extract_epi64(halves, 1);
  for (; d < D; d++) sum += (int64_t)q[d] * key[d];
  return (float)sum;
}

}  // namespace

#include "kernels/lanes.h"

extern "C" const dl_kernels dl_kernels_avx2 = DL_LANES_SET("avx2");
