// The product set in plain C: the readable specification of every other set, to the bit, and what runs where none of them can.
#include "kernels/products.h"

#include <math.h>
#include <string.h>

namespace {

float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

uint32_t magnitude_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return bits & 0x7fffffff;
}

#ifdef __MINGW32__
/* a·b + c, rounded once; fmaf of this C library rounds twice. The product is exact in double. Only a sum half way between two floats can mislead the second
   rounding: there its last bit takes the side of what was lost (two-sum of Knuth). */
float fused(float a, float b, float c) {
  const double product = (double)a * b;
  double sum = product + c;
  uint64_t bits;
  memcpy(&bits, &sum, 8);
  if ((bits & 0x1fffffff) == 0x10000000 && (bits & 0x7ff0000000000000u) != 0x7ff0000000000000u) {
    const double part = sum - product;
    const double lost = (product - (sum - part)) + (c - part);
    if (lost != 0) bits += (lost > 0) == (sum > 0) ? 1 : -1;
    memcpy(&sum, &bits, 8);
  }
  return (float)sum;
}
#else
float fused(float a, float b, float c) { return fmaf(a, b, c); }
#endif

uint16_t read16(const uint8_t *from) {
  uint16_t x;
  memcpy(&x, from, 2);
  return x;
}

float half_to_float(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
  if (exponent == 0) {
    const float magnitude = (float)fraction * 5.9604644775390625e-8f; /* 2^-24 */
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 31) return from_bits(sign | 0x7f800000u | fraction << 13);
  return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* To the nearest whole number, even ones where two are equally near; |x| < 2^22. */
int nearest(float x) { return (int)((x + 12582912.0f) - 12582912.0f); }

void quantise_scalar(const float *x, const dl_rounded *to) {
  const int span = to->whole ? to->columns : to->block;
  float scale = 0, inverse = 0;
  int32_t sums[16];
  for (int k = 0; k < to->columns; k++) {
    if (k % span == 0) {
      uint32_t most = 0; /* as integers NaN > infinity > every number */
      for (int i = k; i < k + span; i++) most = magnitude_bits(x[i]) > most ? magnitude_bits(x[i]) : most;
      const float max = from_bits(most);
      scale = max < DL_SMALLEST_MAX ? 0.0f : most < 0x7f800000 ? max / 127.0f : NAN;
      inverse = scale > 0 ? 127.0f / max : 0.0f;
    }
    to->q[k / DL_UNIT * to->unit_stride + k % DL_UNIT] = (int8_t)(inverse > 0 ? nearest(x[k] * inverse) : 0);
    if (k % to->block == 0) {
      to->scales[k / to->block * to->scale_stride] = scale;
      memset(sums, 0, sizeof sums);
    }
    sums[k % to->block / to->group] += to->q[k / DL_UNIT * to->unit_stride + k % DL_UNIT];
    if ((k + 1) % to->block != 0) continue;
    int16_t *all = to->sums + k / to->block * to->sum_stride;
    for (int g = 0; g < to->block / to->group; g++) all[g] = (int16_t)sums[g];
    const int32_t single = sums[0] * to->times;
    if (to->block == to->group) memcpy(all, &single, sizeof single);
  }
}

/* e^x for |x| ≤ 87: x = n·ln 2 + r, a polynomial in r (Cephes expf). */
float exponential(float x) {
  x = x < 87.0f ? x : 87.0f; /* NaN too */
  x = x > -87.0f ? x : -87.0f;
  const float n = (x * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = (y * (r * r) + r) + 1.0f;
  return y * from_bits((uint32_t)((int)n + 127) << 23);
}

void gate_scalar(const float *gate, const float *x, int n, int gelu, float *to) {
  for (int i = 0; i < n; i++) {
    const float z = gate[i], u = gelu ? -1.5957691216057308f * (z + 0.044715f * ((z * z) * z)) : 0.0f - z;
    to[i] = z / (1.0f + exponential(u)) * x[i];
  }
}

struct Form {
  int bits, offset, table, block, group, mins, d;
  int groups() const { return block / group; }
};

/* p bits of one plane: of row r and column k of a unit. */
int plane(const uint8_t *planes, int p, int r, int k) {
  const int g = k / 4;
  return planes[p * g / 8 * 64 + 4 * r + k % 4] >> p * g % 8 & ((1 << p) - 1);
}

int code(const Form &form, const uint8_t *unit, int r, int k) {
  switch (form.bits) {
    case 3: return plane(unit, 2, r, k) | plane(unit + 128, 1, r, k) << 2;
    case 5: return plane(unit, 4, r, k) | plane(unit + 256, 1, r, k) << 4;
    case 6: return plane(unit, 4, r, k) | plane(unit + 256, 2, r, k) << 4;
    default: return plane(unit, form.bits, r, k);
  }
}

/* One block of a tile, read. */
struct Block {
  float d[DL_TILE_ROWS], m[DL_TILE_ROWS];
  int8_t values[DL_TILE_ROWS][256]; /* code − offset */
  int scales[16][DL_TILE_ROWS], mins[16][DL_TILE_ROWS];
};

/* Returns where the next block begins. */
const uint8_t *read_block(const Form &form, const uint8_t *from, Block *to) {
  const int groups = form.groups();
  for (int r = 0; r < DL_TILE_ROWS; r++) to->d[r] = form.d ? half_to_float(read16(from + 2 * r)) : 1.0f;
  from += form.d ? 32 : 0;
  for (int r = 0; form.mins && r < DL_TILE_ROWS; r++) to->m[r] = half_to_float(read16(from + 2 * r));
  from += form.mins ? 32 : 0;
  for (int part = 0; part < 1 + form.mins; part++)
    for (int g = 0; g < groups; g++)
      for (int r = 0; r < DL_TILE_ROWS; r++) (part ? to->mins : to->scales)[g][r] = groups == 1 ? 1 : (int8_t)from[part * groups * 16 + g / 2 * 32 + 2 * r + g % 2];
  from += groups == 1 ? 0 : groups * 16 * (1 + form.mins);
  for (int unit = 0; unit < form.block / DL_UNIT; unit++, from += 64 * form.bits)
    for (int r = 0; r < DL_TILE_ROWS; r++)
      for (int k = 0; k < DL_UNIT; k++) {
        const int c = code(form, from, r, k);
        to->values[r][unit * DL_UNIT + k] = (int8_t)((form.table ? dl_table[c] : c) - form.offset);
      }
  return from;
}

/* Σ values·q of one group. */
int dot(const int8_t *values, const int8_t *q, int64_t unit_stride, int first, int count) {
  int sum = 0;
  for (int k = first; k < first + count; k++) sum += values[k] * q[k / DL_UNIT * unit_stride + k % DL_UNIT];
  return sum;
}

void product_coded(const Form &form, const uint8_t *tile, const dl_activations *x, float *y, int64_t stride) {
  const int blocks = x->units * DL_UNIT / form.block, units = form.block / DL_UNIT, groups = form.groups(), sums_each = groups > 1 ? groups : 2;
  Block block;
  for (int i = 0; i < x->rows; i++) memset(y + i * stride, 0, sizeof(float) * DL_TILE_ROWS);
  for (int b = 0; b < blocks; b++) {
    tile = read_block(form, tile, &block);
    for (int row = 0; row < x->rows; row++) {
      const int8_t *q = x->q + ((int64_t)b * units * x->rows + row) * DL_UNIT;
      const float s = x->scales[(int64_t)b * x->rows + row];
      const int16_t *sums = x->sums + ((int64_t)b * x->rows + row) * sums_each;
      for (int r = 0; r < DL_TILE_ROWS; r++) {
        float *total = y + row * stride + r;
        int I = 0, J = 0;
        for (int g = 0; g < groups; g++) I += block.scales[g][r] * dot(block.values[r], q, (int64_t)x->rows * DL_UNIT, g * form.group, form.group);
        *total = fused((float)I, block.d[r] * s, *total);
        if (!form.mins) continue;
        for (int g = 0; g < groups; g++) J += block.mins[g][r] * sums[g];
        *total = fused((float)J, block.m[r] * s, *total);
      }
    }
  }
}

struct F32 {
  static const int bytes = 4;
  static float read(const uint8_t *from) {
    float x;
    memcpy(&x, from, 4);
    return x;
  }
};
struct F16 {
  static const int bytes = 2;
  static float read(const uint8_t *from) { return half_to_float(read16(from)); }
};
struct BF16 {
  static const int bytes = 2;
  static float read(const uint8_t *from) { return from_bits((uint32_t)read16(from) << 16); }
};

template <class T>
void product_tile(const uint8_t *tile, const dl_activations *x, float *y, int64_t stride) {
  for (int i = 0; i < x->rows; i++) memset(y + i * stride, 0, sizeof(float) * DL_TILE_ROWS);
  for (int unit = 0; unit < x->units; unit++, tile += DL_UNIT * DL_TILE_ROWS * T::bytes)
    for (int i = 0; i < x->rows; i++) {
      const float *row = x->x + ((int64_t)unit * x->rows + i) * DL_UNIT;
      for (int r = 0; r < DL_TILE_ROWS; r++) {
        float chain[4] = {0, 0, 0, 0};
        for (int k = 0; k < DL_UNIT; k++) chain[k % 4] = fused(T::read(tile + (k * DL_TILE_ROWS + r) * T::bytes), row[k], chain[k % 4]);
        y[i * stride + r] += (chain[0] + chain[1]) + (chain[2] + chain[3]);
      }
    }
}

template <class T>
void product_floats(const uint8_t *tile, const uint8_t *beside, const dl_activations *x, float *y, int64_t stride) {
  for (; tile; tile = beside, beside = nullptr, y += DL_TILE_ROWS) product_tile<T>(tile, x, y, stride);
}

#define CODED(name, bits, offset, table, block, group, mins, d)                                           \
  void product_##name(const uint8_t *tile, const uint8_t *beside, const dl_activations *x, float *y, int64_t stride) {         \
    for (; tile; tile = beside, beside = nullptr, y += DL_TILE_ROWS) product_coded({bits, offset, table, block, group, mins, d}, tile, x, y, stride); \
  }
DL_CODED_FORMS(CODED)
#undef CODED

}  // namespace

#define CODED(name, ...) product_##name,
extern "C" const dl_products dl_products_scalar = {"scalar", quantise_scalar, gate_scalar, {DL_CODED_FORMS(CODED) product_floats<F32>, product_floats<F16>, product_floats<BF16>}};
