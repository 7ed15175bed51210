// The kernel set in plain C: the readable specification of every other set, and what runs where none of them can.
// Products and sums are rounded separately here (no FMA); another set may differ from it by rounding only.
#include "kernels/kernels.h"

#include <string.h>

namespace {

float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

float half_to_float(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
  if (exponent == 0) {
    float magnitude = (float)fraction * 5.9604644775390625e-8f; /* 2^-24 */
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 31) return from_bits(sign | 0x7f800000u | fraction << 13);
  return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t half_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x477ff000) return sign | 0x7bff;
  if (magnitude < 0x38800000) { /* below 2^-14: in units of 2^-24, which is what the last bit of 0.5 is worth */
    const float shifted = from_bits(magnitude) + 0.5f;
    memcpy(&bits, &shifted, 4);
    return (uint16_t)(sign | (bits - 0x3f000000u));
  }
  return (uint16_t)(sign | ((magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13));
}

/* e^x for x ≤ 0 (and up to 88): x = n·ln 2 + r, |r| ≤ ln 2 / 2, polynomial in r (Cephes expf), about 1 ulp; exactly 1 at 0. */
float exponential(float x) {
  if (!(x > -87.0f)) return 0.0f;
  if (x > 88.0f) x = 88.0f;
  float shifted = x * 1.44269504088896341f + 12582912.0f; /* 1.5·2^23: rounds to an integer */
  float n = shifted - 12582912.0f;
  float r = x - n * 0.693359375f - n * -2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + r + 1.0f;
  return y * from_bits((uint32_t)((int)n + 127) << 23);
}

/* Cephes tanhf: an odd polynomial below 0.625, 1 − 2/(e^2x + 1) above. */
float hyperbolic_tangent(float x) {
  float a = x < 0 ? -x : x;
  float y;
  if (a < 0.625f) {
    float z = a * a;
    y = -5.70498872745e-3f;
    y = y * z + 2.06390887954e-2f;
    y = y * z - 5.37397155531e-2f;
    y = y * z + 1.33314422036e-1f;
    y = y * z - 3.33332819422e-1f;
    y = y * z * a + a;
  } else {
    y = 1.0f - 2.0f / (exponential(a < 44.0f ? a + a : 88.0f) + 1.0f);
  }
  return x < 0 ? -y : y;
}

void scores_f32_scalar(const float *keys, int D, const float *q, int rows, float *scores) {
  memset(scores, 0, sizeof(float) * DL_TILE * rows);
  for (int r = 0; r < rows; r++)
    for (int d = 0; d < D; d++)
      for (int t = 0; t < DL_TILE; t++) scores[r * DL_TILE + t] += q[r * D + d] * keys[d * DL_TILE + t];
}

void scores_f16_scalar(const uint16_t *keys, int D, const float *q, int rows, float *scores) {
  memset(scores, 0, sizeof(float) * DL_TILE * rows);
  for (int d = 0; d < D; d++)
    for (int t = 0; t < DL_TILE; t++) {
      float key = half_to_float(keys[d * DL_TILE + t]);
      for (int r = 0; r < rows; r++) scores[r * DL_TILE + t] += q[r * D + d] * key;
    }
}

/* To the nearest whole number, ties to even, of less than 2^22 in size. */
float nearest(float x) {
  float shifted = x + 12582912.0f; /* 1.5·2^23 */
  return shifted - 12582912.0f;
}

void round16_scalar(const float *x, int n, int rows, int16_t *to, float *unit) {
  for (int r = 0; r < rows; r++, x += n, to += DL_EVEN(n)) {
    float most = 0, spoiled = 0; /* 0, or NaN */
    for (int i = 0; i < n; i++) {
      float size = x[i] < 0 ? -x[i] : x[i];
      if (size > most) most = size;
      spoiled += x[i] * 0.0f;
    }
    const bool counts = most >= 1e-30f && spoiled == 0;
    const float inverse = counts ? 32767 / most : 0;
    for (int i = 0; i < DL_EVEN(n); i++) to[i] = counts && i < n ? (int16_t)nearest(x[i] * inverse) : 0;
    unit[r] = (most >= 1e-30f ? most / 32767 : 0) + spoiled;
  }
}

float dot_i16(const int16_t *key, int D, const int16_t *q) {
  int64_t sum = 0;
  for (int d = 0; d < D; d++) sum += (int64_t)q[d] * key[d];
  return (float)sum;
}

void scores_delta_scalar(const dl_delta_keys *keys, int D, const int16_t *q, const float *unit, int rows, float *scores, dl_ahead *) {
  for (int r = 0; r < rows; r++, q += DL_EVEN(D), scores += DL_TILE) {
    const int8_t *packed = keys->packed;
    int32_t sum[DL_TILE] = {0};
    for (int d = 0; d < D; d++)
      for (int t = 0; t < DL_TILE; t++)
        if (keys->masks[d] >> t & 1) sum[t] += q[d] * *packed++;
    const float frame = dot_i16(keys->keyframe, D, q) * unit[r];
    for (int t = 0; t < DL_TILE; t++) scores[t] = (float)sum[t] * unit[r] + (keys->spread || t == 0 ? frame : 0);
  }
}

void score_i16_scalar(const int16_t *key, int D, const int16_t *q, const float *unit, int rows, float *scores) {
  for (int r = 0; r < rows; r++) scores[r * DL_TILE] = dot_i16(key, D, q + r * DL_EVEN(D)) * unit[r];
}

void expand_f16_scalar(const uint16_t *from, int n, float *to) {
  for (int i = 0; i < n; i++) to[i] = half_to_float(from[i]);
}

void expand_i8_scalar(const int8_t *from, int n, float *to) {
  for (int i = 0; i < n; i++) to[i] = (float)from[i];
}

void narrow_f16_scalar(const float *from, int n, uint16_t *to) {
  for (int i = 0; i < n; i++) to[i] = half_of(from[i]);
}

void scan_scalar(float *scores, int rows) {
  for (int r = 0; r < rows; r++)
    for (int t = 1; t < DL_TILE; t++) scores[r * DL_TILE + t] += scores[r * DL_TILE + t - 1];
}

int softmax_scalar(float *scores, int rows, const uint64_t *lanes, float scale, float softcap, const uint16_t *value_scales, int16_t *whole, float *unit, float *maximum, float *sum, float *alpha) {
  int kept = 0;
  for (int r = 0; r < rows; r++) {
    float *s = scores + r * DL_TILE;
    float tile = DL_NO_SCORE;
    for (int t = 0; t < DL_TILE; t++) {
      if (!(lanes[r] >> t & 1)) continue;
      float x = s[t] * scale;
      x = x > DL_NO_SCORE ? x : DL_NO_SCORE; /* NaN becomes the lowest score */
      if (softcap > 0) x = softcap * hyperbolic_tangent(x / softcap);
      x = x < 1e30f ? x : 1e30f;
      s[t] = x;
      if (x > tile) tile = x;
    }
    if (tile < maximum[r] - DL_SKIP) {
      memset(s, 0, sizeof(float) * DL_TILE);
      alpha[r] = 1;
      continue;
    }
    kept++;
    float highest = tile > maximum[r] ? tile : maximum[r];
    float added = 0;
    for (int t = 0; t < DL_TILE; t++) {
      s[t] = lanes[r] >> t & 1 ? exponential(s[t] - highest) : 0.0f;
      added += s[t];
      if (value_scales) s[t] *= half_to_float(value_scales[t]);
    }
    alpha[r] = exponential(maximum[r] - highest);
    sum[r] = sum[r] * alpha[r] + added;
    maximum[r] = highest;
  }
  if (whole) round16_scalar(scores, DL_TILE, rows, whole, unit);
  return kept;
}

float number(float x) { return x; }
float number(uint16_t x) { return half_to_float(x); }

template <class T>
void values(const T *values, int width, int tokens, const float *p, int rows, const float *alpha, float *acc) {
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < width; i++) acc[r * width + i] *= alpha[r];
  for (int t = 0; t < tokens; t++)
    for (int i = 0; i < width; i++) {
      float value = number(values[t * width + i]);
      for (int r = 0; r < rows; r++) acc[r * width + i] += p[r * DL_TILE + t] * value;
    }
}

void values_f32_scalar(const float *v, int width, int tokens, const float *p, int rows, const float *alpha, float *acc) { values(v, width, tokens, p, rows, alpha, acc); }
void values_f16_scalar(const uint16_t *v, int width, int tokens, const float *p, int rows, const float *alpha, float *acc) { values(v, width, tokens, p, rows, alpha, acc); }
void values_i8_scalar(const int8_t *v, int width, int tokens, const int16_t *p, const float *unit, int rows, const float *alpha, float *acc, dl_ahead *) {
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < width; i++) {
      int32_t sum = 0;
      for (int t = 0; t < tokens; t++) sum += p[r * DL_TILE + t] * v[t * width + i];
      acc[r * width + i] = acc[r * width + i] * alpha[r] + (float)sum * unit[r];
    }
}

void merge_scalar(float *total_max, float *total_sum, float *total_acc, float part_max, float part_sum, const float *part_acc, int width) {
  float highest = *total_max > part_max ? *total_max : part_max;
  float a = exponential(*total_max - highest), b = exponential(part_max - highest);
  *total_max = highest;
  *total_sum = *total_sum * a + part_sum * b;
  for (int i = 0; i < width; i++) total_acc[i] = total_acc[i] * a + part_acc[i] * b;
}

}  // namespace

extern "C" const dl_kernels dl_kernels_scalar = {
    "scalar",    1, round16_scalar, scores_f32_scalar, scores_f16_scalar, scores_delta_scalar, score_i16_scalar, expand_f16_scalar, expand_i8_scalar, narrow_f16_scalar,
    scan_scalar, softmax_scalar, values_f32_scalar, values_f16_scalar, values_i8_scalar, merge_scalar,
};
