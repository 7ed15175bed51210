// The contract of a product set: y[m][n] = Σ_k W[n][k]·x[m][k] for one or two tiles of W (16 rows each, all columns) and up to 64 rows of x.
// Plain C, so that kernel files need nothing else. Kernels cannot fail; pointers are valid and may be unaligned.
//
// A row of y has the same bits alone or among others, with every set, on every CPU. Coded weights: within a block everything is whole numbers, and those
// are exact; then, block by block in the order of k, in float32 with one rounding each
//   total = fma((float)I, d·s, total)      I = Σ_k scale[group of k]·(code[k] − offset)·q[k]
//   total = fma((float)J, m·s, total)      J = Σ_group min[group]·Σ_{k in group} q[k]; forms with mins only
// with d, m: the row's float16 numbers of the block, s: the activations' scale there. |I| < 2^28, |J| < 2^22.
// Weights in floats: blocks of 32 columns, four chains of fma each (chain i: k ≡ i mod 4, ascending, from 0), total += (c0 + c1) + (c2 + c3).
// So the error is about √(blocks)·2^-25 of the largest partial sum, against exact arithmetic on the same weights and the same rounded activations.
//
// NaN and infinities do what IEEE says: a scale that is not finite spoils its row of W, activations that are not finite their row of x (s is NaN,
// all q are 0). Which NaN it is may differ from CPU to CPU. Nothing is flushed to zero.
#pragma once
#include <stdint.h>

#define DL_TILE_ROWS 16      /* rows of W in a tile */
#define DL_UNIT 32           /* columns that are unpacked at once */
#define DL_MOST_X 64         /* rows of x that one call takes */
#define DL_AHEAD 2048        /* bytes that a set asks the memory for in advance; addresses behind the tile are harmless */
#define DL_SMALLEST_MAX 7.8886090522101181e-31f /* 2^-100: a block of activations that stays below it counts as zeros */

/* The forms of coded weights: X(name, bits of a code, offset, by table, columns of a block, columns of a group, with mins, with d).
   A code is an unsigned number and stands for code − offset; by table (IQ4): for dl_table[code] − offset. A group shares an 8-bit scale (and min);
   group = block: there is none, scale and min count as 1, and so does d where there is none: one scale of the whole matrix is the caller's. */
#define DL_CODED_FORMS(X)             \
  X(q4_0, 4, 8, 0, 32, 32, 0, 1)      \
  X(q4_1, 4, 0, 0, 32, 32, 1, 1)      \
  X(q5_0, 5, 16, 0, 32, 32, 0, 1)     \
  X(q5_1, 5, 0, 0, 32, 32, 1, 1)      \
  X(q8_0, 8, 128, 0, 32, 32, 0, 1)    \
  X(iq4_nl, 4, 128, 1, 32, 32, 0, 1)  \
  X(q2_k, 2, 0, 0, 256, 16, 1, 1)     \
  X(q3_k, 3, 4, 0, 256, 16, 0, 1)     \
  X(q4_k, 4, 0, 0, 256, 32, 1, 1)     \
  X(q5_k, 5, 0, 0, 256, 32, 1, 1)     \
  X(q6_k, 6, 32, 0, 256, 16, 0, 1)    \
  X(iq4_xs, 4, 128, 1, 256, 32, 0, 1) \
  X(ternary, 2, 1, 0, 256, 256, 0, 1) \
  X(trits, 2, 1, 0, 256, 256, 0, 0)

/* Weights in floats: X(name, bytes). The tile is [columns][16 rows]. */
#define DL_FLOAT_FORMS(X) X(f32, 4) X(f16, 2) X(bf16, 2)

enum {
#define DL_NAME(name, ...) dl_form_##name,
  DL_CODED_FORMS(DL_NAME) DL_FLOAT_FORMS(DL_NAME)
#undef DL_NAME
  DL_FORMS
};

/* A tile of coded weights is its blocks, one behind the other; a block is
     d       [16] float16                      with d
     m       [16] float16                      with mins
     scales  [groups / 2][16][2] int8          with more than one group
     mins    [groups / 2][16][2] int8          with mins and more than one group
     units   [block / 32] of planes: a p-bit plane (p = 8; 4; 2; 1) is [p][16][4] bytes; bits p·g mod 8 … of byte (p·g / 8, r, i) are those of
             row r, column 4·g + i of the unit. Codes of 3 bits are a 2-bit plane and above it a 1-bit plane; 5 bits: 4 and 1; 6 bits: 4 and 2. */
static const uint8_t dl_table[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

/* Rows of x, rounded to 8 bits by block (32 or 256 columns), or as they are. */
typedef struct {
  int rows;             /* M, at most DL_MOST_X */
  int units;            /* columns / 32 */
  const int8_t *q;      /* [units][M][32] */
  const float *scales;  /* [blocks][M]: x ≈ scale·q */
  const int16_t *sums;  /* [blocks][M][2 or groups]: sums of q by group; a single one takes the 32 bits of both, times DL_TIMES */
  const float *x;       /* [units][M][32]: for weights in floats, in place of the three above */
} dl_activations;

/* A form without groups has one sum of q in a block, and wants no more of it than −offset·Σq, where its dot products begin, or, with mins, Σq itself. */
#define DL_TIMES(offset) ((offset) > 0 ? -(offset) : 1)

/* Where one row of x goes (`columns` is a multiple of block): q = x·127/max rounded to nearest even, scale = max/127, max being the largest |x| of the
   block, or of the whole row (BitNet). Strides are in elements: from unit to unit, block to block. */
typedef struct {
  int columns, block, group;
  int times; /* of single sums: DL_TIMES of the form */
  int whole;
  int8_t *q;
  float *scales;
  int16_t *sums;
  int64_t unit_stride, scale_stride, sum_stride;
} dl_rounded;

/* y[i·stride + r] for all rows i of x and all 16 rows r of the tile; y[i·stride + 16 + r] for those of the tile beside it, where there is one. */
typedef void dl_product(const uint8_t *tile, const uint8_t *beside, const dl_activations *x, float *y, int64_t stride);

typedef struct {
  const char *name;
  void (*quantise)(const float *x, const dl_rounded *to);
  /* to[i] = f(gate[i])·x[i], n of them. f(z) = z / (1 + e^u): SiLU with u = −z; with gelu u = −2√(2/π)·(z + 0.044715·z³), the approximation of GELU with
     tanh. To 3e-7 of z; u is kept within ±87. Every operation is rounded (no fma): the same bits with every set. NaN stays NaN. */
  void (*gate)(const float *gate, const float *x, int n, int gelu, float *to);
  dl_product *product[DL_FORMS];
} dl_products;

#ifdef __cplusplus
extern "C" {
#endif
extern const dl_products dl_products_scalar;
extern const dl_products dl_products_avx2;
extern const dl_products dl_products_avx512vnni;
extern const dl_products dl_products_neon;
extern const dl_products dl_products_neondot;
#ifdef __cplusplus
}
#endif
