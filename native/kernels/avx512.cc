// The kernel set for AVX-512 (F, BW, DQ, VL, with FMA, F16C, POPCNT; no VBMI2). Delta keys: 16 packed int8 are widened and spread by mask
// (vpexpandd), so a zero costs no byte; it costs its multiply.
#include "kernels/avx512.h"

namespace {

template <bool Spread>
struct KeysDelta {
  const uint64_t *masks;
  const int8_t *packed;
  const int16_t *keyframe;
  const char *ahead;
  inline void next(__m512 *k) {
    const uint64_t mask = *masks++;
    const int frame = *keyframe++;
    _mm_prefetch(ahead, _MM_HINT_T0);
    ahead += 64;
    for (int v = 0; v < 4; v++) {
      const uint32_t part = (uint32_t)(mask >> (16 * v)) & 0xffff;
      __m512i steps = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)packed));
      steps = _mm512_maskz_expand_epi32((__mmask16)part, steps);
      if (Spread) steps = _mm512_add_epi32(steps, _mm512_set1_epi32(frame));
      else if (v == 0) steps = _mm512_add_epi32(steps, _mm512_maskz_set1_epi32(1, frame));
      k[v] = _mm512_cvtepi32_ps(steps);
      packed += _mm_popcnt_u32(part);
    }
  }
};

static void scores_delta_avx512(const dl_delta_keys *keys, int D, const float *q, int rows, float *scores, const void *ahead) {
  if (keys->spread) scores_any(KeysDelta<true>{keys->masks, keys->packed, keys->keyframe, (const char *)ahead}, D, q, rows, scores);
  else scores_any(KeysDelta<false>{keys->masks, keys->packed, keys->keyframe, (const char *)ahead}, D, q, rows, scores);
}

template <class Keys>
static void expand_keys(Keys keys, int D, float *to) {
  for (int d = 0; d < D; d++, to += DL_TILE) {
    __m512 k[4];
    keys.next(k);
    for (int v = 0; v < 4; v++) _mm512_storeu_ps(to + 16 * v, k[v]);
  }
}

static void expand_delta_avx512(const dl_delta_keys *keys, int D, float *to) {
  if (keys->spread) expand_keys(KeysDelta<true>{keys->masks, keys->packed, keys->keyframe, (const char *)to}, D, to);
  else expand_keys(KeysDelta<false>{keys->masks, keys->packed, keys->keyframe, (const char *)to}, D, to);
}

}  // namespace

extern "C" const dl_kernels dl_kernels_avx512 = {
    "avx512",          6, 6, scores_f32_avx512, scores_f16_avx512, scores_delta_avx512, expand_f16_avx512, expand_i8_avx512, expand_delta_avx512,
    scan_avx512, softmax_avx512, values_f32_avx512, values_f16_avx512, values_i8_avx512, merge_avx512,
};
