// The kernel set for arm64: NEON is part of the base architecture, float16 conversion and FMA included. 4 rows × 4 registers of 4 share what is
// loaded. No dot-product instructions: int8 queries would not keep the promise of 1e-5, and as several exact digits they are slower
// (avx512vbmi2.cc says what was measured).
#include <arm_neon.h>
#include <stdint.h>

namespace {

#define LANES 4
#define COLUMNS 4
#define ROWS 4

typedef float32x4_t V;

static inline V load(const float *x) { return vld1q_f32(x); }
static inline V load(const uint16_t *x) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x))); }
/* Four bytes: a row of values or of keys has no more behind its last register. */
static inline V load(const int8_t *x) {
  uint32_t bytes;
  __builtin_memcpy(&bytes, x, 4);
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(bytes)))));
}
static inline void store(float *to, V x) { vst1q_f32(to, x); }
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

}  // namespace

#include "kernels/lanes.h"

extern "C" const dl_kernels dl_kernels_neon = DL_LANES_SET("neon");
