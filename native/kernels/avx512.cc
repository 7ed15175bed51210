// The kernel set for AVX-512 (F, BW, DQ, VL, with FMA, F16C, POPCNT; no VBMI2). Delta keys: 16 packed int8 are widened and spread by mask
// (vpexpandd), so a zero costs no byte; it costs its multiply.
#include <immintrin.h>

namespace {

static inline __m512i add_products(__m512i sum, __m512i x, __m512i two) { return _mm512_add_epi32(sum, _mm512_madd_epi16(x, two)); }

}  // namespace

#include "kernels/avx512.h"

namespace {

static void scores_delta_avx512(const dl_delta_keys *keys, int D, const int16_t *q, const float *unit, int rows, float *scores, dl_ahead *ahead) {
  alignas(64) int8_t steps[(MOST_CHANNELS + 1) * DL_TILE];
  const int8_t *packed = keys->packed;
  for (int d = 0; d < D; d++)
    for (int v = 0; v < 4; v++) {
      const uint32_t part = (uint32_t)(keys->masks[d] >> (16 * v)) & 0xffff;
      const __m512i spread = _mm512_maskz_expand_epi32((__mmask16)part, _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)packed)));
      _mm_store_si128((__m128i *)(steps + d * DL_TILE + 16 * v), _mm512_cvtepi32_epi8(spread));
      packed += _mm_popcnt_u32(part);
    }
  if (D & 1) memset(steps + D * DL_TILE, 0, DL_TILE);
  scores_whole(steps, keys, D, q, unit, rows, scores, ahead);
}

}  // namespace

extern "C" const dl_kernels dl_kernels_avx512 = DL_AVX512_SET("avx512", scores_delta_avx512);
