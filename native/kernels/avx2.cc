// The kernel set for AVX2 with FMA, F16C and POPCNT (Haswell, Zen and later): 6 rows × 2 registers of 8 share what is loaded.
// Delta keys are spread by byte shuffles from a table (no vpexpand, and no pdep, which is microcode before Zen 3).
#include <immintrin.h>
#include <stdint.h>

namespace {

#define LANES 8
#define COLUMNS 2
#define ROWS 6

typedef __m256 V;

static inline V load(const float *x) { return _mm256_loadu_ps(x); }
static inline V load(const uint16_t *x) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)x)); }
static inline V load(const int8_t *x) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)x))); }
static inline void store(float *to, V x) { _mm256_storeu_ps(to, x); }
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
static inline V power_of_two(V n) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23)); }
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

}  // namespace

#include "kernels/lanes.h"

extern "C" const dl_kernels dl_kernels_avx2 = DL_LANES_SET("avx2");
