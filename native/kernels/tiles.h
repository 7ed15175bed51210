// What the product sets with registers share, all static. The including file first defines, in an anonymous namespace, COLUMN (rows of a tile that one
// register holds as 32-bit lanes), SIGNED (whether its dot product takes weights as signed bytes), SHARED (registers of weights that rows of x pass by at
// once), the register types Bytes, Pairs, Int and Real, and the
// operations used below (products_avx2.cc lists them). Weights lie in registers, and every row of x passes by them: one row, few and many are one loop.
#pragma once
#include "kernels/products.h"

namespace {

#define INLINE static inline __attribute__((always_inline))
#define COLUMNS (DL_TILE_ROWS / COLUMN)

template <int BITS, int OFFSET, int TABLE, int BLOCK, int GROUP, int MINS, int D>
struct Form {
  static constexpr int bits = BITS;
  static constexpr int low = BITS == 8 ? 8 : BITS >= 4 ? 4 : 2; /* bits of the lower plane, and of the upper one */
  static constexpr int high = BITS - low;
  static constexpr bool by_table = TABLE;
  static constexpr bool turned = SIGNED && OFFSET == 128; /* bytes with their highest bit turned over are code − 128 */
  static constexpr int offset = turned ? 0 : OFFSET;      /* what remains to be taken off */
  static constexpr int group = GROUP;
  static constexpr int groups = BLOCK / GROUP;
  static constexpr bool scaled = groups > 1;
  static constexpr bool begun = offset > 0 && !scaled; /* what is taken off comes with the sums: dot products begin with it */
  static constexpr int pairs = scaled ? groups / 2 : 1;
  static constexpr bool mins = MINS;
  static constexpr bool d = D;
  static constexpr int units = BLOCK / DL_UNIT;
  static constexpr int unit_bytes = 64 * BITS;
  static constexpr int scales_at = 32 * (D + MINS);
  static constexpr int mins_at = scales_at + 16 * groups;
  static constexpr int header = scaled ? mins_at + 16 * groups * MINS : scales_at;
  static constexpr int block_bytes = header + units * unit_bytes;
};

/* bits of `p`-bit plane number g, moved to bit `to`. */
INLINE Bytes plane(const uint8_t *planes, int p, int g, int to) {
  return and_bytes(shifted(load_bytes(planes + p * g / 8 * 64), p * g % 8 - to), ((1 << p) - 1) << to);
}

/* The codes of a unit, one register for each four columns. */
template <class F>
INLINE void unpack(const uint8_t *unit, Bytes *w) {
#pragma GCC unroll 8
  for (int g = 0; g < 8; g++) {
    w[g] = F::bits == 8 ? load_bytes(unit + 64 * g) : plane(unit, F::low, g, 0);
    if (F::high > 0) w[g] = or_bytes(w[g], plane(unit + 64 * F::low, F::high, g, F::low));
    if (F::by_table) w[g] = looked_up(table_bytes(dl_table), w[g]);
    if (F::turned) w[g] = turned_over(w[g]);
  }
}

/* What a block has beside its codes, for the rows of one register. */
template <class F>
struct Header {
  Real d, m;
  Pairs offsets[F::pairs], mins[F::pairs]; /* with more than one group; offsets: scales times −offset */
};

template <class F>
INLINE void read_header(const uint8_t *from, int column, Header<F> *to) {
  to->d = F::d ? load_halves(from + 2 * COLUMN * column) : all(1.0f);
  if (F::mins) to->m = load_halves(from + 32 + 2 * COLUMN * column);
#pragma GCC unroll 8
  for (int p = 0; F::scaled && p < F::pairs; p++) {
    to->offsets[p] = times(load_pairs(from + F::scales_at + 32 * p + 2 * COLUMN * column), -F::offset);
    if (F::mins) to->mins[p] = load_pairs(from + F::mins_at + 32 * p + 2 * COLUMN * column);
  }
}

/* Where the dot products of a row begin in a block. */
template <class F>
INLINE Int beginning(const int16_t *sums) { return F::begun ? four(sums) : nothing(); }

/* The end of a block for one row of x: what is still to be taken off, and the two fma. */
template <class F>
INLINE Real finish(Real total, Int sum, const Header<F> &header, float s, const int16_t *sums) {
  const Real scale = all(s);
#pragma GCC unroll 8
  for (int p = 0; F::offset > 0 && F::scaled && p < F::pairs; p++) sum = add_pairs(sum, header.offsets[p], sums + 2 * p);
  total = fma(to_real(sum), mul(header.d, scale), total);
  if (!F::mins) return total;
  Int least = F::scaled ? nothing() : four(sums);
#pragma GCC unroll 8
  for (int p = 0; F::scaled && p < F::pairs; p++) least = add_pairs(least, header.mins[p], sums + 2 * p);
  return fma(to_real(least), mul(header.m, scale), total);
}

/* total[n] + scale[n]·Σ w[n]·q over a unit, for registers of weights that every row of x passes by together. */
#if SHARED == 1
template <class F, int N>
INLINE void add_all(Int *total, const Bytes (*w)[8], const int8_t *q, const Scale (*scale)[2]) {
  for (int n = 0; n < N; n++) total[n] = add_dots<F>(total[n], w[n], q, scale[n]);
}
#endif

/* One row of x with its sums in registers, or up to DL_MOST_X with theirs in the first-level cache; one tile or two, whose registers follow each other. */
template <class F, bool ONE, int TILES>
static void coded_rows(const uint8_t *tile, const uint8_t *beside, const dl_activations *x, float *y, int64_t stride) {
  const int rows = ONE ? 1 : x->rows, blocks = x->units / F::units;
  constexpr int most = ONE ? 1 : DL_MOST_X, columns = TILES * COLUMNS, shared = columns % SHARED ? 1 : SHARED;
  const uint8_t *tiles[2] = {tile, beside};
  Real total[most][columns]; /* of the blocks so far */
  for (int i = 0; i < rows; i++)
    for (int c = 0; c < columns; c++) total[i][c] = all(0.0f);
  for (int b = 0; b < blocks; b++) {
    const float *scales = x->scales + (int64_t)b * rows;
    const int16_t *sums = x->sums + (int64_t)b * rows * 2 * F::pairs;
    const int8_t *q = x->q + (int64_t)b * F::units * rows * DL_UNIT;
    Int sum[F::units > 1 ? most : 1][columns];
    for (int t = 0; t < TILES; t++)
      for (int i = 0; i < F::header; i += 64) ask_for(tiles[t] + DL_AHEAD + i);
    for (int u = 0; u < F::units; u++, q += rows * DL_UNIT) {
      for (int t = 0; t < TILES; t++)
        for (int i = 0; i < F::unit_bytes; i += 64) ask_for(tiles[t] + F::header + u * F::unit_bytes + DL_AHEAD + i);
#pragma GCC unroll 2
      for (int c = 0; c < columns; c += shared) {
        Bytes w[shared][8];
        Scale scale[shared][2];
        Header<F> header[shared];
#pragma GCC unroll 2
        for (int n = 0; n < shared; n++) {
          const uint8_t *block = tiles[(c + n) / COLUMNS];
          const int column = (c + n) % COLUMNS;
          scale[n][0] = scale[n][1] = unscaled();
          unpack<F>(block + F::header + u * F::unit_bytes + 4 * COLUMN * column, w[n]);
          if (F::scaled) {
            const int g = u * DL_UNIT / F::group;
            const Pairs both = load_pairs(block + F::scales_at + g / 2 * 32 + 2 * COLUMN * column);
            scale[n][0] = g % 2 ? second(both) : first(both);
            scale[n][1] = second(both);
          }
          if (F::units == 1) read_header<F>(block, column, header + n);
        }
        /* GCC would take the first rows out of the loop, with words of x that both registers of a tile share: none is left for the weights, which each row then loads anew. */
#pragma GCC unroll 1
        for (int i = 0; i < rows; i++) {
          Int part[shared];
#pragma GCC unroll 2
          for (int n = 0; n < shared; n++) part[n] = u ? sum[i][c + n] : beginning<F>(sums + i * 2);
          add_all<F, shared>(part, w, q + i * DL_UNIT, scale);
#pragma GCC unroll 2
          for (int n = 0; n < shared; n++) {
            if (F::units > 1) sum[i][c + n] = part[n];
            else total[i][c + n] = finish<F>(total[i][c + n], part[n], header[n], scales[i], sums + i * 2);
          }
        }
      }
    }
    for (int c = 0; F::units > 1 && c < columns; c++) {
      Header<F> header;
      read_header<F>(tiles[c / COLUMNS], c % COLUMNS, &header);
      for (int i = 0; i < rows; i++) total[i][c] = finish<F>(total[i][c], sum[i][c], header, scales[i], sums + i * 2 * F::pairs);
    }
    for (int t = 0; t < TILES; t++) tiles[t] += F::block_bytes;
  }
  for (int i = 0; i < rows; i++)
    for (int c = 0; c < columns; c++) store(y + i * stride + COLUMN * c, total[i][c]);
}

template <class F>
static void coded(const uint8_t *tile, const uint8_t *beside, const dl_activations *x, float *y, int64_t stride) {
  if constexpr (SHARED > COLUMNS) {
    if (beside && x->rows > 1) return coded_rows<F, false, 2>(tile, beside, x, y, stride);
  }
  for (; tile; tile = beside, beside = 0, y += DL_TILE_ROWS) {
    if (x->rows == 1) coded_rows<F, true, 1>(tile, 0, x, y, stride);
    else coded_rows<F, false, 1>(tile, 0, x, y, stride);
  }
}

/* N rows of x from `first` on against weights in floats of `Size` bytes, converted in registers. */
template <Real (*Load)(const uint8_t *), int Size, int N>
static void float_rows(const uint8_t *w, const dl_activations *x, int first, float *y, int64_t stride) {
  const float *row = x->x + first * DL_UNIT;
  Real total[N][COLUMNS];
  for (int i = 0; i < N; i++)
    for (int c = 0; c < COLUMNS; c++) total[i][c] = all(0.0f);
  for (int unit = 0; unit < x->units; unit++, row += (int64_t)x->rows * DL_UNIT) {
    Real chain[N][COLUMNS][4];
#pragma GCC unroll 32
    for (int k = 0; k < DL_UNIT; k++, w += Size * DL_TILE_ROWS) {
      ask_for(w + DL_AHEAD);
      for (int c = 0; c < COLUMNS; c++) {
        const Real weight = Load(w + Size * COLUMN * c);
        for (int i = 0; i < N; i++) chain[i][c][k % 4] = fma(weight, all(row[i * DL_UNIT + k]), k < 4 ? all(0.0f) : chain[i][c][k % 4]);
      }
    }
    for (int i = 0; i < N; i++)
      for (int c = 0; c < COLUMNS; c++) total[i][c] = add(total[i][c], add(add(chain[i][c][0], chain[i][c][1]), add(chain[i][c][2], chain[i][c][3])));
  }
  for (int i = 0; i < N; i++)
    for (int c = 0; c < COLUMNS; c++) store(y + i * stride + COLUMN * c, total[i][c]);
}

template <Real (*Load)(const uint8_t *), int Size>
static void floats(const uint8_t *tile, const uint8_t *beside, const dl_activations *x, float *y, int64_t stride) {
  for (; tile; tile = beside, beside = 0, y += DL_TILE_ROWS) {
    int row = 0;
    for (; row + FLOAT_ROWS <= x->rows; row += FLOAT_ROWS) float_rows<Load, Size, FLOAT_ROWS>(tile, x, row, y + row * stride, stride);
    for (; row < x->rows; row++) float_rows<Load, Size, 1>(tile, x, row, y + row * stride, stride);
  }
}

/* What n columns share: x ≈ scale·q, q = x·inverse; nothing is left of x where that is 0. */
struct Rounding {
  float scale, inverse;
};

INLINE Rounding rounding_of(const float *x, int n) {
  const uint32_t most = highest_magnitude(x, n);
  float max;
  __builtin_memcpy(&max, &most, 4);
  const float scale = max < DL_SMALLEST_MAX ? 0.0f : most < 0x7f800000 ? max / 127.0f : __builtin_nanf("");
  return {scale, scale > 0 ? 127.0f / max : 0.0f};
}

template <int BLOCK>
static void quantise_blocks(const float *x, const dl_rounded *to) {
  const int halves = to->group / 16; /* of units, in a group */
  Rounding rounding = to->whole ? rounding_of(x, to->columns) : Rounding();
  for (int b = 0; b < to->columns / BLOCK; b++, x += BLOCK) {
    if (!to->whole) rounding = rounding_of(x, BLOCK);
    to->scales[b * to->scale_stride] = rounding.scale;
    int half[BLOCK / 16];
    for (int u = 0; u < BLOCK / DL_UNIT; u++) {
      int8_t *q = to->q + (b * (BLOCK / DL_UNIT) + u) * to->unit_stride;
      if (rounding.inverse > 0) round_unit(x + u * DL_UNIT, rounding.inverse, q);
      else __builtin_memset(q, 0, DL_UNIT);
      half_sums(q, half + 2 * u);
    }
    int16_t *sums = to->sums + b * to->sum_stride;
    int32_t sum = 0;
    for (int i = 0; i < BLOCK / 16; i++) {
      sum += half[i];
      if (((i + 1) & (halves - 1)) != 0) continue;
      sum *= halves == BLOCK / 16 ? to->times : 1;
      if (halves == BLOCK / 16) __builtin_memcpy(sums, &sum, 4);
      else *sums++ = (int16_t)sum;
      sum = 0;
    }
  }
}

static void quantise(const float *x, const dl_rounded *to) {
  if (to->block == 32) quantise_blocks<32>(x, to);
  else quantise_blocks<256>(x, to);
}

/* e^x for |x| ≤ 87, operation by operation as in the scalar set. */
INLINE Real exponential(Real x) {
  x = at_least(at_most(x, all(87.0f)), all(-87.0f));
  const Real n = sub(add(mul(x, all(1.44269504088896341f)), all(12582912.0f)), all(12582912.0f));
  const Real r = sub(sub(x, mul(n, all(0.693359375f))), mul(n, all(-2.12194440e-4f)));
  Real y = all(1.9875691500e-4f);
  y = add(mul(y, r), all(1.3981999507e-3f));
  y = add(mul(y, r), all(8.3334519073e-3f));
  y = add(mul(y, r), all(4.1665795894e-2f));
  y = add(mul(y, r), all(1.6666665459e-1f));
  y = add(mul(y, r), all(5.0000001201e-1f));
  y = add(add(mul(y, mul(r, r)), r), all(1.0f));
  return mul(y, power_of_two(n));
}

INLINE void gate_lanes(const float *gate, const float *x, int gelu, float *to) {
  const Real z = load_f32((const uint8_t *)gate);
  const Real u = gelu ? mul(all(-1.5957691216057308f), add(z, mul(all(0.044715f), mul(mul(z, z), z)))) : sub(all(0.0f), z);
  store(to, mul(divided(z, add(all(1.0f), exponential(u))), load_f32((const uint8_t *)x)));
}

static void gate(const float *gate, const float *x, int n, int gelu, float *to) {
  int i = 0;
  for (; i + COLUMN <= n; i += COLUMN) gate_lanes(gate + i, x + i, gelu, to + i);
  if (i == n) return;
  float last[3][COLUMN] = {{0}};
  __builtin_memcpy(last[0], gate + i, sizeof(float) * (n - i));
  __builtin_memcpy(last[1], x + i, sizeof(float) * (n - i));
  gate_lanes(last[0], last[1], gelu, last[2]);
  __builtin_memcpy(to + i, last[2], sizeof(float) * (n - i));
}

}  // namespace

#define DL_CODED_ENTRY(name, bits, offset, table, block, group, mins, d) coded<Form<bits, offset, table, block, group, mins, d>>,
#define DL_PRODUCT_SET(name) \
  {name, quantise, gate, {DL_CODED_FORMS(DL_CODED_ENTRY) floats<load_f32, 4>, floats<load_f16, 2>, floats<load_bf16, 2>}}
