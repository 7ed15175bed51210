// The kernel set for AVX-512 with VBMI2 and VNNI (Ice Lake, Zen 4 and later): avx512, but 64 packed int8 are spread by mask at once (vpexpandb), and two
// products of 16 bits are added in one instruction (vpdpwssd): half as many as float32 products, and exact.
#include <immintrin.h>

namespace {

/* As an instruction of its own: with the intrinsic GCC 12 copies sums to and fro, and six rows take as long as in float32. */
static inline __m512i add_products(__m512i sum, __m512i x, __m512i two) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(two));
  return sum;
}

}  // namespace

#include "kernels/avx512.h"

namespace {

static void scores_delta_avx512vbmi2(const dl_delta_keys *keys, int D, const int16_t *q, const float *unit, int rows, float *scores, dl_ahead *ahead) {
  alignas(64) int8_t steps[(MOST_CHANNELS + 1) * DL_TILE];
  const int8_t *packed = keys->packed;
  for (int d = 0; d < D; d++) {
    /* The load stays an instruction of its own: vpexpandb from memory is microcode on Zen 4. */
    __m512i bytes = _mm512_loadu_si512(packed);
    __asm__("" : "+v"(bytes));
    _mm512_store_si512(steps + d * DL_TILE, _mm512_maskz_expand_epi8(keys->masks[d], bytes));
    packed += _mm_popcnt_u64(keys->masks[d]);
  }
  if (D & 1) memset(steps + D * DL_TILE, 0, DL_TILE);
  scores_whole(steps, keys, D, q, unit, rows, scores, ahead);
}

}  // namespace

extern "C" const dl_kernels dl_kernels_avx512vbmi2 = DL_AVX512_SET("avx512vbmi2", scores_delta_avx512vbmi2);
