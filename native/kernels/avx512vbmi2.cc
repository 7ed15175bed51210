// The kernel set for AVX-512 with VBMI2 (Ice Lake, Zen 4 and later): avx512, but 64 packed int8 are spread by mask at once (vpexpandb).
// A tile's deltas are spread first, into 64·D bytes that stay in L1; the chains over them are those of avx512, to the bit.
// Scores in exact integers (VNNI, a query as three int8 digits) were tried: 768 products and the interleaving of four channels take longer
// on Zen 4 than 1 024 float32 products without it.
#include "kernels/avx512.h"

namespace {

#define MOST_CHANNELS 256

/* All deltas as int8 `[D][64]`. The load stays an instruction of its own: vpexpandb from memory is microcode on Zen 4. */
static void spread_all(const dl_delta_keys *keys, int D, int8_t *to) {
  const int8_t *packed = keys->packed;
  for (int d = 0; d < D; d++, to += DL_TILE) {
    __m512i bytes = _mm512_loadu_si512(packed);
    __asm__("" : "+v"(bytes));
    _mm512_store_si512(to, _mm512_maskz_expand_epi8(keys->masks[d], bytes));
    packed += _mm_popcnt_u64(keys->masks[d]);
  }
}

template <bool Spread>
struct KeysSteps {
  const int8_t *steps;
  const int16_t *keyframe;
  const char *ahead;
  inline void next(__m512 *k) {
    const int frame = *keyframe++;
    _mm_prefetch(ahead, _MM_HINT_T0);
    ahead += 64;
    for (int v = 0; v < 4; v++) {
      __m512i x = _mm512_cvtepi8_epi32(_mm_load_si128((const __m128i *)(steps + 16 * v)));
      if (Spread) x = _mm512_add_epi32(x, _mm512_set1_epi32(frame));
      else if (v == 0) x = _mm512_add_epi32(x, _mm512_maskz_set1_epi32(1, frame));
      k[v] = _mm512_cvtepi32_ps(x);
    }
    steps += DL_TILE;
  }
};

static void scores_delta_avx512vbmi2(const dl_delta_keys *keys, int D, const float *q, int rows, float *scores, const void *ahead) {
  alignas(64) int8_t steps[MOST_CHANNELS * DL_TILE];
  spread_all(keys, D, steps);
  if (keys->spread) scores_any(KeysSteps<true>{steps, keys->keyframe, (const char *)ahead}, D, q, rows, scores);
  else scores_any(KeysSteps<false>{steps, keys->keyframe, (const char *)ahead}, D, q, rows, scores);
}

template <class Keys>
static void expand_keys(Keys keys, int D, float *to) {
  for (int d = 0; d < D; d++, to += DL_TILE) {
    __m512 k[4];
    keys.next(k);
    for (int v = 0; v < 4; v++) _mm512_storeu_ps(to + 16 * v, k[v]);
  }
}

static void expand_delta_avx512vbmi2(const dl_delta_keys *keys, int D, float *to) {
  alignas(64) int8_t steps[MOST_CHANNELS * DL_TILE];
  spread_all(keys, D, steps);
  if (keys->spread) expand_keys(KeysSteps<true>{steps, keys->keyframe, (const char *)to}, D, to);
  else expand_keys(KeysSteps<false>{steps, keys->keyframe, (const char *)to}, D, to);
}

}  // namespace

extern "C" const dl_kernels dl_kernels_avx512vbmi2 = {
    "avx512vbmi2",     6, 6, scores_f32_avx512, scores_f16_avx512, scores_delta_avx512vbmi2, expand_f16_avx512, expand_i8_avx512, expand_delta_avx512vbmi2,
    scan_avx512, softmax_avx512, values_f32_avx512, values_f16_avx512, values_i8_avx512, merge_avx512,
};
