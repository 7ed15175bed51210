// What the sets with narrow registers share, all static. The including file first defines, in an anonymous namespace, LANES, the register type V
// and the few operations used below (avx2.cc lists them); everything here is a loop over registers. Tokens are the lanes of scores, value
// elements those of P·V. One FMA chain a lane, ascending, for up to ROWS rows × COLUMNS registers at once; what is far in exact sums of whole numbers.
#pragma once
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/rowGroups.h"

namespace {

#define MOST_CHANNELS 256

/* e^x for x ≤ 88; 0 below −87 (inputs to −1e30 allowed); exactly 1 at 0. Same polynomial as the scalar set, with FMA. */
static inline V exponential(V x) {
  const V n = rounded(mul(x, all(1.44269504088896341f)));
  V r = minus_product(n, all(0.693359375f), x);
  r = minus_product(n, all(-2.12194440e-4f), r);
  V y = all(1.9875691500e-4f);
  y = fma(y, r, all(1.3981999507e-3f));
  y = fma(y, r, all(8.3334519073e-3f));
  y = fma(y, r, all(4.1665795894e-2f));
  y = fma(y, r, all(1.6666665459e-1f));
  y = fma(y, r, all(5.0000001201e-1f));
  y = add(fma(y, mul(r, r), r), all(1.0f));
  return where_below(all(-87.0f), x, mul(y, power_of_two(n)), all(0.0f)); /* what others come to is not looked at */
}

/* Cephes tanhf: an odd polynomial below 0.625, 1 − 2/(e^2x + 1) above. */
static inline V hyperbolic_tangent(V x) {
  const V a = absolute(x), z = mul(a, a);
  V small = all(-5.70498872745e-3f);
  small = fma(small, z, all(2.06390887954e-2f));
  small = fma(small, z, all(-5.37397155531e-2f));
  small = fma(small, z, all(1.33314422036e-1f));
  small = fma(small, z, all(-3.33332819422e-1f));
  small = fma(mul(small, z), a, a);
  const V e = exponential(min_of(add(a, a), all(88.0f)));
  const V large = sub(all(1.0f), divided(all(2.0f), add(e, all(1.0f))));
  return with_sign(where_below(a, all(0.625f), small, large), x);
}

/* R rows × N registers of tokens or value elements; what is read: T `[steps][stride]`, and the factors `[rows][factorStride]`. */
template <int R, int N, class T>
static inline __attribute__((always_inline)) void chains(const T *from, int stride, int steps, const float *factors, int factorStride, V (*sum)[N]) {
  for (int i = 0; i < steps; i++, from += stride) {
    V x[N];
    for (int n = 0; n < N; n++) x[n] = load(from + LANES * n);
    for (int r = 0; r < R; r++) {
      const V factor = all(factors[r * factorStride + i]);
      for (int n = 0; n < N; n++) sum[r][n] = fma(factor, x[n], sum[r][n]);
    }
  }
}

template <int R, class T>
static void scores_rows(const T *keys, int D, const float *q, float *scores) {
  for (int t = 0; t < DL_TILE; t += LANES * COLUMNS) {
    V sum[R][COLUMNS];
    for (int r = 0; r < R; r++)
      for (int n = 0; n < COLUMNS; n++) sum[r][n] = all(0.0f);
    chains<R, COLUMNS>(keys + t, DL_TILE, D, q, D, sum);
    for (int r = 0; r < R; r++)
      for (int n = 0; n < COLUMNS; n++) store(scores + r * DL_TILE + t + LANES * n, sum[r][n]);
  }
}

template <class T>
static void scores_any(const T *keys, int D, const float *q, int rows, float *scores) {
  in_groups<ROWS>(rows, [=](auto group, int at) { scores_rows<group.count>(keys, D, q + at * D, scores + at * DL_TILE); });
}

template <int R, class T>
static void values_rows(const T *values, int width, int tokens, const float *p, const float *alpha, float *acc) {
  for (int i = 0; i < width; i += LANES * COLUMNS) {
    V sum[R][COLUMNS];
    for (int r = 0; r < R; r++)
      for (int n = 0; n < COLUMNS; n++) sum[r][n] = mul(load(acc + r * width + i + LANES * n), all(alpha[r]));
    chains<R, COLUMNS>(values + i, width, tokens, p, DL_TILE, sum);
    for (int r = 0; r < R; r++)
      for (int n = 0; n < COLUMNS; n++) store(acc + r * width + i + LANES * n, sum[r][n]);
  }
}

template <class T>
static void values_any(const T *values, int width, int tokens, const float *p, int rows, const float *alpha, float *acc) {
  in_groups<ROWS>(rows, [=](auto group, int at) { values_rows<group.count>(values, width, tokens, p + at * DL_TILE, alpha + at, acc + at * width); });
}

template <class T>
static void expand(const T *from, int n, float *to) {
  for (int i = 0; i < n; i += LANES) store(to + i, load(from + i));
}

/* For each mask of 8 tokens, which of the next packed bytes each token takes; 0x80: none, zero. */
struct Places {
  uint8_t of[256][8];
  constexpr Places() : of() {
    for (int mask = 0; mask < 256; mask++)
      for (int t = 0, next = 0; t < 8; t++) of[mask][t] = mask >> t & 1 ? (uint8_t)next++ : 0x80;
  }
};
static constexpr Places places;

/* All deltas as int8 `[DL_EVEN(D)][64]`, once for all rows. */
static void spread_all(const dl_delta_keys *keys, int D, int8_t *to) {
  const int8_t *packed = keys->packed;
  for (int d = 0; d < D; d++, to += DL_TILE) {
    const uint64_t mask = keys->masks[d];
    for (int i = 0; i < 8; i++) {
      const int part = (int)(mask >> (8 * i) & 255);
      spread8(packed, places.of[part], to + 8 * i);
      packed += __builtin_popcount(part);
    }
  }
  if (D & 1) memset(to, 0, DL_TILE);
}

static void round16_lanes(const float *x, int n, int rows, int16_t *to, float *unit) {
  for (int r = 0; r < rows; r++, x += n, to += DL_EVEN(n)) {
    V sizes = all(0.0f), zeros = all(0.0f); /* zeros: NaN where a number is not finite */
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
      sizes = max_of(absolute(load(x + i)), sizes);
      zeros = fma(load(x + i), all(0.0f), zeros);
    }
    float most = highest_lane(sizes), spoiled = sum_of_lanes(zeros);
    for (int k = i; k < n; k++) {
      const float size = x[k] < 0 ? -x[k] : x[k];
      if (size > most) most = size;
      spoiled += x[k] * 0.0f;
    }
    const bool counts = most >= 1e-30f && spoiled == 0;
    const float inverse = counts ? 32767 / most : 0;
    unit[r] = (most >= 1e-30f ? most / 32767 : 0) + spoiled;
    if (!counts) {
      memset(to, 0, sizeof(int16_t) * DL_EVEN(n));
      continue;
    }
    for (i = 0; i + LANES <= n; i += LANES) store16(to + i, mul(load(x + i), all(inverse)));
    for (; i < n; i++) to[i] = (int16_t)first_lane(rounded(all(x[i] * inverse)));
    if (n & 1) to[n] = 0;
  }
}

/* Whole numbers: R rows × COLUMNS registers, two steps (channels, or tokens) at a time; what is read `[steps][stride]`, the factors `[rows][factorStride]`. */
template <int R>
static inline __attribute__((always_inline)) void whole_sums(const int8_t *from, int stride, int steps, const int16_t *factors, int factorStride, I (*sum)[COLUMNS]) {
  for (int r = 0; r < R; r++)
    for (int n = 0; n < COLUMNS; n++) sum[r][n] = no_sum();
  for (int i = 0; i < steps; i += 2, from += 2 * stride) {
    Pairs x[COLUMNS];
    for (int n = 0; n < COLUMNS; n += 2) pairs_of(from + LANES * n, from + stride + LANES * n, x + n);
    for (int r = 0; r < R; r++) {
      const Factors two = factors_of(factors + r * factorStride + i);
      for (int n = 0; n < COLUMNS; n++) sum[r][n] = add_products(sum[r][n], x[n], two);
    }
  }
}

template <int R>
static void scores_whole_rows(const int8_t *steps, const dl_delta_keys *keys, int D, const int16_t *q, const float *unit, float *scores) {
  float frame[R];
  for (int r = 0; r < R; r++) frame[r] = dot_i16(keys->keyframe, D, q + r * DL_EVEN(D)) * unit[r];
  for (int t = 0; t < DL_TILE; t += LANES * COLUMNS) {
    I sum[R][COLUMNS];
    whole_sums<R>(steps + t, DL_TILE, D, q, DL_EVEN(D), sum);
    for (int r = 0; r < R; r++)
      for (int n = 0; n < COLUMNS; n++) store(scores + r * DL_TILE + t + LANES * n, add(mul(floats_of(sum[r][n]), all(unit[r])), all(keys->spread ? frame[r] : 0.0f)));
  }
  if (!keys->spread)
    for (int r = 0; r < R; r++) scores[r * DL_TILE] += frame[r];
}

template <int R>
static void values_whole_rows(const int8_t *values, int width, int tokens, const int16_t *p, const float *unit, const float *alpha, float *acc) {
  for (int i = 0; i < width; i += LANES * COLUMNS) {
    I sum[R][COLUMNS];
    whole_sums<R>(values + i, width, tokens, p, DL_TILE, sum);
    for (int r = 0; r < R; r++)
      for (int n = 0; n < COLUMNS; n++) {
        float *to = acc + r * width + i + LANES * n;
        store(to, add(mul(load(to), all(alpha[r])), mul(floats_of(sum[r][n]), all(unit[r]))));
      }
  }
}

static void scores_f32_lanes(const float *keys, int D, const float *q, int rows, float *scores) { scores_any(keys, D, q, rows, scores); }
static void scores_f16_lanes(const uint16_t *keys, int D, const float *q, int rows, float *scores) { scores_any(keys, D, q, rows, scores); }

/* Up to `lines` of what is wanted next. */
static inline void ask_for(dl_ahead *ahead, int lines) {
  for (; lines > 0 && ahead->at < ahead->end; lines--, ahead->at += 64) __builtin_prefetch(ahead->at, 0, 2);
}

static void scores_delta_lanes(const dl_delta_keys *keys, int D, const int16_t *q, const float *unit, int rows, float *scores, dl_ahead *ahead) {
  int8_t steps[(MOST_CHANNELS + 1) * DL_TILE];
  ask_for(ahead, D);
  spread_all(keys, D, steps);
  const int8_t *spread = steps;
  in_groups<ROWS>(rows, [=](auto group, int at) { scores_whole_rows<group.count>(spread, keys, D, q + at * DL_EVEN(D), unit + at, scores + at * DL_TILE); });
}
static void score_i16_lanes(const int16_t *key, int D, const int16_t *q, const float *unit, int rows, float *scores) {
  for (int r = 0; r < rows; r++) scores[r * DL_TILE] = dot_i16(key, D, q + r * DL_EVEN(D)) * unit[r];
}
static void expand_f16_lanes(const uint16_t *from, int n, float *to) { expand(from, n, to); }
static void expand_i8_lanes(const int8_t *from, int n, float *to) { expand(from, n, to); }

/* What float16 can hold. */
static inline V held_by_f16(V x) { return min_of(max_of(x, all(-65504.0f)), all(65504.0f)); }

static void narrow_f16_lanes(const float *from, int n, uint16_t *to) {
  int i = 0;
  for (; i + LANES <= n; i += LANES) store(to + i, held_by_f16(load(from + i)));
  if (i == n) return;
  float last[LANES] = {0};
  uint16_t halves[LANES];
  memcpy(last, from + i, sizeof(float) * (n - i));
  store(halves, held_by_f16(load(last)));
  memcpy(to + i, halves, sizeof(uint16_t) * (n - i));
}

/* A sum runs along the tokens, one addition after the other: several rows at once hide how long each takes. */
template <int R>
static void scan_rows(float *scores) {
  float sum[R];
  for (int r = 0; r < R; r++) sum[r] = scores[r * DL_TILE];
  for (int t = 1; t < DL_TILE; t++)
    for (int r = 0; r < R; r++) scores[r * DL_TILE + t] = sum[r] += scores[r * DL_TILE + t];
}

static void scan_lanes(float *scores, int rows) {
  for (; rows >= 8; rows -= 8, scores += 8 * DL_TILE) scan_rows<8>(scores);
  for (; rows >= 4; rows -= 4, scores += 4 * DL_TILE) scan_rows<4>(scores);
  for (; rows > 0; rows--, scores += DL_TILE) scan_rows<1>(scores);
}

/* What a row sees of LANES tokens from t on; of a tile that all rows see whole nothing need be asked. */
template <bool ALL>
static inline V where_seen(uint64_t lanes, int t, V x, V y) { return ALL ? x : where_set((unsigned)(lanes >> t), x, y); }

/* A row's scores as they count, in place: the lowest where nothing is seen, and for NaN. The highest of them. */
template <bool ALL>
static inline float count_scores(float *scores, uint64_t lanes, float scale, float softcap) {
  const V lowest = all(DL_NO_SCORE);
  V most = lowest;
  for (int t = 0; t < DL_TILE; t += LANES) {
    V x = max_of(mul(load(scores + t), all(scale)), lowest);
    if (softcap > 0) x = mul(all(softcap), hyperbolic_tangent(divided(x, all(softcap))));
    x = where_seen<ALL>(lanes, t, min_of(x, all(1e30f)), lowest);
    most = max_of(most, x);
    store(scores + t, x);
  }
  return highest_lane(most);
}

/* A row's weights in place of its scores; their sum before they are scaled. */
template <bool ALL>
static inline float weigh(float *scores, uint64_t lanes, float highest, const uint16_t *value_scales) {
  V added = all(0.0f);
  for (int t = 0; t < DL_TILE; t += LANES) {
    V x = where_seen<ALL>(lanes, t, exponential(sub(load(scores + t), all(highest))), all(0.0f));
    added = add(added, x);
    if (value_scales) x = mul(x, load(value_scales + t));
    store(scores + t, x);
  }
  return sum_of_lanes(added);
}

/* Step after step over all rows: one row by itself would wait for each of its steps. In alpha lies each row's highest score of the tile first. */
template <bool ALL>
static int softmax_tile(float *scores, int rows, const uint64_t *lanes, float scale, float softcap, const uint16_t *value_scales, float *maximum, float *sum, float *alpha) {
  int kept = 0;
  for (int r = 0; r < rows; r++) alpha[r] = count_scores<ALL>(scores + r * DL_TILE, lanes[r], scale, softcap);
  for (int r = 0; r < rows; r++) {
    const float before = maximum[r], highest = alpha[r] > before ? alpha[r] : before;
    if (alpha[r] < before - DL_SKIP) {
      memset(scores + r * DL_TILE, 0, sizeof(float) * DL_TILE);
      alpha[r] = 1;
      continue;
    }
    kept++;
    alpha[r] = highest == before ? 1.0f : first_lane(exponential(all(before - highest)));
    sum[r] = sum[r] * alpha[r] + weigh<ALL>(scores + r * DL_TILE, lanes[r], highest, value_scales);
    maximum[r] = highest;
  }
  return kept;
}

static int softmax_lanes(float *scores, int rows, const uint64_t *lanes, float scale, float softcap, const uint16_t *value_scales, int16_t *whole, float *unit, float *maximum, float *sum, float *alpha) {
  uint64_t every = ~(uint64_t)0;
  for (int r = 0; r < rows; r++) every &= lanes[r];
  const auto tile = every == ~(uint64_t)0 ? softmax_tile<true> : softmax_tile<false>;
  const int kept = tile(scores, rows, lanes, scale, softcap, value_scales, maximum, sum, alpha);
  if (whole) round16_lanes(scores, DL_TILE, rows, whole, unit);
  return kept;
}

static void values_f32_lanes(const float *v, int width, int tokens, const float *p, int rows, const float *alpha, float *acc) { values_any(v, width, tokens, p, rows, alpha, acc); }
static void values_f16_lanes(const uint16_t *v, int width, int tokens, const float *p, int rows, const float *alpha, float *acc) { values_any(v, width, tokens, p, rows, alpha, acc); }
static void values_i8_lanes(const int8_t *v, int width, int tokens, const int16_t *p, const float *unit, int rows, const float *alpha, float *acc, dl_ahead *ahead) {
  ask_for(ahead, width);
  in_groups<ROWS>(rows, [=](auto group, int at) { values_whole_rows<group.count>(v, width, tokens, p + at * DL_TILE, unit + at, alpha + at, acc + at * width); });
}

static void merge_lanes(float *total_max, float *total_sum, float *total_acc, float part_max, float part_sum, const float *part_acc, int width) {
  const float highest = *total_max > part_max ? *total_max : part_max;
  const V a = exponential(all(*total_max - highest)), b = exponential(all(part_max - highest));
  *total_max = highest;
  *total_sum = *total_sum * first_lane(a) + part_sum * first_lane(b);
  for (int i = 0; i < width; i += LANES) store(total_acc + i, fma(load(total_acc + i), a, mul(load(part_acc + i), b)));
}

}  // namespace

#define DL_LANES_SET(name) \
  {name, ROWS, round16_lanes, scores_f32_lanes, scores_f16_lanes, scores_delta_lanes, score_i16_lanes, expand_f16_lanes, expand_i8_lanes, narrow_f16_lanes, \
   scan_lanes, softmax_lanes, values_f32_lanes, values_f16_lanes, values_i8_lanes, merge_lanes}
