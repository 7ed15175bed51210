// The kernel set for arm64: NEON is part of the base architecture, float16 conversion and FMA included. 4 rows × 4 registers of 4 share what is
// loaded. No dot-product instructions: they take eight bits, and a query has sixteen.
#include <arm_neon.h>
#include <stdint.h>

namespace {

#define LANES 4
#define COLUMNS 4
#define ROWS 4

typedef float32x4_t V;
typedef int32x4_t I;      /* LANES sums */
typedef int16x4x2_t Pairs; /* of LANES columns two steps each, in 16 bits */
typedef int16x4_t Factors; /* two, twice */

static inline V load(const float *x) { return vld1q_f32(x); }
static inline V load(const uint16_t *x) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x))); }
/* Four bytes: a row of values or of keys has no more behind its last register. */
static inline V load(const int8_t *x) {
  uint32_t bytes;
  __builtin_memcpy(&bytes, x, 4);
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(bytes)))));
}
static inline void store(float *to, V x) { vst1q_f32(to, x); }
static inline void store(uint16_t *to, V x) { vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(x))); }
static inline V all(float x) { return vdupq_n_f32(x); }
static inline V add(V a, V b) { return vaddq_f32(a, b); }
static inline V sub(V a, V b) { return vsubq_f32(a, b); }
static inline V mul(V a, V b) { return vmulq_f32(a, b); }
static inline V divided(V a, V b) { return vdivq_f32(a, b); }
static inline V fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
static inline V minus_product(V a, V b, V c) { return vfmsq_f32(c, a, b); }
/* Where a is NaN: b (the number of the two). */
static inline V max_of(V a, V b) { return vmaxnmq_f32(a, b); }
static inline V min_of(V a, V b) { return vminnmq_f32(a, b); }
static inline V rounded(V x) { return vrndnq_f32(x); }
static inline V absolute(V x) { return vabsq_f32(x); }
static inline V with_sign(V x, V sign) { return vbslq_f32(vdupq_n_u32(0x80000000u), sign, x); }
static inline V power_of_two(V n) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23)); }
static inline V where_below(V a, V b, V x, V y) { return vbslq_f32(vcltq_f32(a, b), x, y); }
static inline V where_set(unsigned bits, V x, V y) {
  const uint32_t lane[4] = {1, 2, 4, 8};
  return vbslq_f32(vtstq_u32(vdupq_n_u32(bits), vld1q_u32(lane)), x, y);
}
static inline float first_lane(V x) { return vgetq_lane_f32(x, 0); }
static inline float highest_lane(V x) { return vmaxvq_f32(x); }
static inline float sum_of_lanes(V x) { return vaddvq_f32(x); }
static inline void spread8(const int8_t *packed, const uint8_t *places, int8_t *to) { vst1_s8(to, vtbl1_s8(vld1_s8(packed), vreinterpret_s8_u8(vld1_u8(places)))); }

static inline I no_sum(void) { return vdupq_n_s32(0); }
static inline V floats_of(I x) { return vcvtq_f32_s32(x); }
/* 2·LANES columns of two steps. */
static inline void pairs_of(const int8_t *a, const int8_t *b, Pairs *to) {
  const int16x8_t x = vmovl_s8(vld1_s8(a)), y = vmovl_s8(vld1_s8(b));
  to[0].val[0] = vget_low_s16(x);
  to[0].val[1] = vget_low_s16(y);
  to[1].val[0] = vget_high_s16(x);
  to[1].val[1] = vget_high_s16(y);
}
static inline Factors factors_of(const int16_t *two) {
  int32_t both;
  __builtin_memcpy(&both, two, 4);
  return vreinterpret_s16_s32(vdup_n_s32(both));
}
static inline I add_products(I sum, Pairs x, Factors two) { return vmlal_lane_s16(vmlal_lane_s16(sum, x.val[0], two, 0), x.val[1], two, 1); }
/* LANES numbers, to the nearest, ties to even. */
static inline void store16(int16_t *to, V x) { vst1_s16(to, vmovn_s32(vcvtnq_s32_f32(x))); }
static inline float dot_i16(const int16_t *key, int D, const int16_t *q) {
  int64x2_t sums = vdupq_n_s64(0);
  int d = 0;
  for (; d + 4 <= D; d += 4) sums = vpadalq_s32(sums, vmull_s16(vld1_s16(key + d), vld1_s16(q + d)));
  int64_t sum = vaddvq_s64(sums);
  for (; d < D; d++) sum += (int64_t)q[d] * key[d];
  return (float)sum;
}

}  // namespace

#include "kernels/lanes.h"

extern "C" const dl_kernels dl_kernels_neon = DL_LANES_SET("neon");
