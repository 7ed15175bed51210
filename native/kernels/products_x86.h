// How the product sets for x86-64 round activations, all static: registers of 8, wider ones gain nothing here.
#pragma once
#include <immintrin.h>
#include <stdint.h>

namespace {

/* The bits of the largest |x|; n is a multiple of 8. */
static inline uint32_t highest_magnitude(const float *x, int n) {
  __m256i most = _mm256_setzero_si256();
  for (int i = 0; i < n; i += 8) most = _mm256_max_epi32(most, _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(x + i)), _mm256_set1_epi32(0x7fffffff)));
  __m128i a = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
  a = _mm_max_epi32(a, _mm_shuffle_epi32(a, 0x4e));
  return (uint32_t)_mm_cvtsi128_si32(_mm_max_epi32(a, _mm_shuffle_epi32(a, 0xb1)));
}

static inline __m256i rounded(const float *x, __m256 inverse) { return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse)); }
static inline void round_unit(const float *x, float inverse, int8_t *q) {
  const __m256 factor = _mm256_set1_ps(inverse);
  const __m256i a = _mm256_packs_epi32(rounded(x, factor), rounded(x + 8, factor)), b = _mm256_packs_epi32(rounded(x + 16, factor), rounded(x + 24, factor));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256((__m256i *)q, _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order));
}

/* Σ q of the two halves of a unit. */
static inline void half_sums(const int8_t *q, int *to) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), _mm256_loadu_si256((const __m256i *)q));
  __m256i sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  sums = _mm256_hadd_epi32(sums, sums);
  sums = _mm256_hadd_epi32(sums, sums);
  to[0] = _mm256_extract_epi32(sums, 0);
  to[1] = _mm256_extract_epi32(sums, 4);
}

}  // namespace
