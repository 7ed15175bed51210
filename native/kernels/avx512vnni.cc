// The kernel set for AVX-512 with VNNI and VBMI2 (Ice Lake, Zen 4 and later): avx512 with the scores of delta keys in integers.
// A query is q ≈ f·(65536·h + 256·m + l) with h, m, l int8 and f = max |q| / 8257536: 24 bits, what float32 has for its largest element. The three
// sums Σ_d digit·Δ are exact whatever their order (vpdpbusd, four channels a lane), so that a score is rounded three times, not D times.
// 64 packed int8 are spread by mask at once (vpexpandb), four channels are interleaved, and 2 rows × 3 digits × 4 registers share what is loaded.
#include "kernels/avx512.h"

namespace {

#define DIGIT_RANGE 8257536.0f /* 126·65536: the highest digit stays within int8 whatever is carried into it */
#define MOST_CHANNELS 256

/* A prepared query: for each four channels 16 bytes (4 of l, of m, of h, 0), then −128·Σl, −128·Σm, −128·Σh and f, then q padded with zeros. */
struct Query {
  const uint8_t *digits;
  const int32_t *bias;
  float factor;
  const float *q;
};

static inline int padded(int D) { return (D + 15) / 16 * 16; }

static inline Query query(const float *prepared, int D, int r) {
  const float *at = prepared + (size_t)r * DL_PREPARED(D);
  const float *sums = at + padded(D);
  return {(const uint8_t *)at, (const int32_t *)sums, sums[3], sums + 16};
}

/* The byte of each 32-bit lane, sign-extended. */
static inline __m512i low_digit(__m512i x) { return _mm512_srai_epi32(_mm512_slli_epi32(x, 24), 24); }

static void prepare_avx512vnni(const float *q, int D, int rows, float *prepared) {
  /* Within each 128 bits: bytes 0, 1, 2 and 3 of the four channels side by side. */
  const __m512i by_digit = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  for (int r = 0; r < rows; r++, q += D, prepared += DL_PREPARED(D)) {
    float *sums = prepared + padded(D), *copy = sums + 16;
    __m512 most = _mm512_setzero_ps();
    for (int d = 0; d < D; d += 16) {
      const __m512 x = _mm512_maskz_loadu_ps((__mmask16)(D - d >= 16 ? 0xffff : (1u << (D - d)) - 1), q + d);
      _mm512_storeu_ps(copy + d, x);
      most = _mm512_max_ps(most, _mm512_abs_ps(x));
    }
    const float largest = _mm512_reduce_max_ps(most);
    const float inverse = largest > 1e-30f ? DIGIT_RANGE / largest : 0.0f;
    __m512i low = _mm512_setzero_si512(), middle = low, high = low;
    for (int d = 0; d < D; d += 16) {
      const __m512i n = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(copy + d), _mm512_set1_ps(inverse)));
      const __m512i l = low_digit(n), rest = _mm512_srai_epi32(_mm512_sub_epi32(n, l), 8);
      const __m512i m = low_digit(rest), h = low_digit(_mm512_srai_epi32(_mm512_sub_epi32(rest, m), 8));
      low = _mm512_add_epi32(low, l);
      middle = _mm512_add_epi32(middle, m);
      high = _mm512_add_epi32(high, h);
      const __m512i byte = _mm512_set1_epi32(255);
      const __m512i lm = _mm512_or_si512(_mm512_and_si512(l, byte), _mm512_slli_epi32(_mm512_and_si512(m, byte), 8));
      const __m512i lmh = _mm512_or_si512(lm, _mm512_slli_epi32(_mm512_and_si512(h, byte), 16));
      _mm512_storeu_si512(prepared + d, _mm512_shuffle_epi8(lmh, by_digit));
    }
    int32_t *bias = (int32_t *)sums;
    bias[0] = -128 * _mm512_reduce_add_epi32(low);
    bias[1] = -128 * _mm512_reduce_add_epi32(middle);
    bias[2] = -128 * _mm512_reduce_add_epi32(high);
    sums[3] = inverse > 0 ? largest / DIGIT_RANGE : 0.0f;
  }
}

/* The next channel's 64 deltas plus 128. */
static inline __m512i channel(uint64_t mask, const int8_t **packed) {
  const __m512i steps = _mm512_maskz_expand_epi8(mask, _mm512_loadu_si512(*packed));
  *packed += _mm_popcnt_u64(mask);
  return _mm512_xor_si512(steps, _mm512_set1_epi8(-128));
}

/* All keys as uint8 = Δ + 128, `[D/4][4][64]`: register v of a quad has tokens 16i + 4v … 16i + 4v + 3 in its 128-bit part i, four channels a token. */
static void interleave(const dl_delta_keys *keys, int D, const char *ahead, uint8_t *to) {
  const int8_t *packed = keys->packed;
  for (int d = 0; d < D; d += 4, to += 256, ahead += 256) {
    __m512i c[4];
    for (int i = 0; i < 4; i++) {
      c[i] = d + i < D ? channel(keys->masks[d + i], &packed) : _mm512_setzero_si512();
      _mm_prefetch(ahead + 64 * i, _MM_HINT_T0);
    }
    const __m512i low01 = _mm512_unpacklo_epi8(c[0], c[1]), high01 = _mm512_unpackhi_epi8(c[0], c[1]);
    const __m512i low23 = _mm512_unpacklo_epi8(c[2], c[3]), high23 = _mm512_unpackhi_epi8(c[2], c[3]);
    _mm512_store_si512(to, _mm512_unpacklo_epi16(low01, low23));
    _mm512_store_si512(to + 64, _mm512_unpackhi_epi16(low01, low23));
    _mm512_store_si512(to + 128, _mm512_unpacklo_epi16(high01, high23));
    _mm512_store_si512(to + 192, _mm512_unpackhi_epi16(high01, high23));
  }
}

/* q · keyframe: channels as lanes, one chain a lane. */
static inline float frame_score(const int16_t *keyframe, int D, const float *q) {
  __m512 sum = _mm512_setzero_ps();
  for (int d = 0; d < D; d += 16)
    sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(keyframe + d)))), _mm512_loadu_ps(q + d), sum);
  return _mm512_reduce_add_ps(sum);
}

/* Puts the tokens in order: out[i] = part i of s[0] … s[3]. */
static inline void store_scores(const __m512 *s, float *to) {
  const __m512 a = _mm512_shuffle_f32x4(s[0], s[1], 0x44), b = _mm512_shuffle_f32x4(s[0], s[1], 0xee);
  const __m512 c = _mm512_shuffle_f32x4(s[2], s[3], 0x44), d = _mm512_shuffle_f32x4(s[2], s[3], 0xee);
  _mm512_storeu_ps(to, _mm512_shuffle_f32x4(a, c, 0x88));
  _mm512_storeu_ps(to + 16, _mm512_shuffle_f32x4(a, c, 0xdd));
  _mm512_storeu_ps(to + 32, _mm512_shuffle_f32x4(b, d, 0x88));
  _mm512_storeu_ps(to + 48, _mm512_shuffle_f32x4(b, d, 0xdd));
}

template <int R>
static inline __attribute__((always_inline)) void dot_rows(const dl_delta_keys *keys, const uint8_t *tile, int D, const float *prepared, int row, float *scores) {
  const Query q[2] = {query(prepared, D, row), query(prepared, D, row + R - 1)};
  __m512i sum[3 * R][4];
#pragma GCC unroll 6
  for (int i = 0; i < 3 * R; i++)
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) sum[i][v] = _mm512_set1_epi32(q[i / 3].bias[i % 3]);
  for (int at = 0; at < (D + 3) / 4; at++, tile += 256) {
    __m512i k[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) k[v] = _mm512_load_si512(tile + 64 * v);
#pragma GCC unroll 6
    for (int i = 0; i < 3 * R; i++) {
      const __m512i digit = _mm512_set1_epi32(((const int32_t *)q[i / 3].digits)[4 * at + i % 3]);
#pragma GCC unroll 4
      for (int v = 0; v < 4; v++) sum[i][v] = _mm512_dpbusd_epi32(sum[i][v], k[v], digit);
    }
  }
#pragma GCC unroll 2
  for (int r = 0; r < R; r++) {
    const __m512 radix = _mm512_set1_ps(256.0f), factor = _mm512_set1_ps(q[r].factor);
    const float frame = frame_score(keys->keyframe, D, q[r].q);
    const __m512 base = _mm512_set1_ps(keys->spread ? frame : 0.0f);
    __m512 s[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
      const __m512 low = _mm512_cvtepi32_ps(sum[3 * r][v]), middle = _mm512_cvtepi32_ps(sum[3 * r + 1][v]), high = _mm512_cvtepi32_ps(sum[3 * r + 2][v]);
      s[v] = _mm512_fmadd_ps(_mm512_fmadd_ps(_mm512_fmadd_ps(high, radix, middle), radix, low), factor, base);
    }
    float *to = scores + (size_t)(row + r) * DL_TILE;
    store_scores(s, to);
    if (!keys->spread) to[0] += frame;
  }
}

static void scores_delta_avx512vnni(const dl_delta_keys *keys, int D, const float *prepared, int rows, float *scores, const void *ahead) {
  alignas(64) uint8_t tile[MOST_CHANNELS * DL_TILE];
  interleave(keys, D, (const char *)ahead, tile);
  int row = 0;
  for (; row + 2 <= rows; row += 2) dot_rows<2>(keys, tile, D, prepared, row, scores);
  if (row < rows) dot_rows<1>(keys, tile, D, prepared, row, scores);
}

static void expand_delta_avx512vnni(const dl_delta_keys *keys, int D, float *to) {
  const int8_t *packed = keys->packed;
  for (int d = 0; d < D; d++, to += DL_TILE) {
    alignas(64) int8_t steps[DL_TILE];
    _mm512_store_si512(steps, _mm512_maskz_expand_epi8(keys->masks[d], _mm512_loadu_si512(packed)));
    packed += _mm_popcnt_u64(keys->masks[d]);
    for (int v = 0; v < 4; v++) {
      __m512i x = _mm512_cvtepi8_epi32(_mm_load_si128((const __m128i *)(steps + 16 * v)));
      if (keys->spread) x = _mm512_add_epi32(x, _mm512_set1_epi32(keys->keyframe[d]));
      else if (v == 0) x = _mm512_add_epi32(x, _mm512_maskz_set1_epi32(1, keys->keyframe[d]));
      _mm512_storeu_ps(to + 16 * v, _mm512_cvtepi32_ps(x));
    }
  }
}

}  // namespace

extern "C" const dl_kernels dl_kernels_avx512vnni = {
    "avx512vnni",      6, 1 << 30, scores_f32_avx512, scores_f16_avx512, prepare_avx512vnni, scores_delta_avx512vnni, expand_f16_avx512, expand_i8_avx512, expand_delta_avx512vnni,
    scan_avx512, softmax_avx512, values_f32_avx512, values_f16_avx512, values_i8_avx512, merge_avx512,
};
