// What the two product sets for arm64 share, all static; the including file says how four columns are multiplied (see add_dots there).
#pragma once
#include <arm_neon.h>
#include <stdint.h>

namespace {

#define COLUMN 4
#define SIGNED 1
#define SHARED 1
#define FLOAT_ROWS 1

typedef uint8x16_t Bytes; /* [4 rows][4 columns] */
typedef int16x8_t Pairs;  /* [4 rows][2] */
typedef int32x4_t Int;
typedef int32x4_t Scale;
typedef float32x4_t Real;

static inline Bytes load_bytes(const uint8_t *from) { return vld1q_u8(from); }
static inline Bytes table_bytes(const uint8_t *from) { return vld1q_u8(from); }
static inline Bytes looked_up(Bytes table, Bytes codes) { return vqtbl1q_u8(table, codes); }
static inline Bytes shifted(Bytes x, int n) { return n ? vshlq_u8(x, vdupq_n_s8((int8_t)-n)) : x; }
static inline Bytes and_bytes(Bytes x, int mask) { return vandq_u8(x, vdupq_n_u8((uint8_t)mask)); }
static inline Bytes or_bytes(Bytes a, Bytes b) { return vorrq_u8(a, b); }
static inline Bytes turned_over(Bytes x) { return veorq_u8(x, vdupq_n_u8(0x80)); }

static inline Pairs load_pairs(const uint8_t *from) { return vmovl_s8(vld1_s8((const int8_t *)from)); }
static inline Pairs times(Pairs x, int n) { return vmulq_n_s16(x, (int16_t)n); }
static inline Scale unscaled() { return vdupq_n_s32(1); }
static inline Scale first(Pairs x) { return vshrq_n_s32(vshlq_n_s32(vreinterpretq_s32_s16(x), 16), 16); }
static inline Scale second(Pairs x) { return vshrq_n_s32(vreinterpretq_s32_s16(x), 16); }

static inline Int nothing() { return vdupq_n_s32(0); }
static inline int32x4_t four(const void *from) {
  int32_t x;
  __builtin_memcpy(&x, from, 4);
  return vdupq_n_s32(x);
}
static inline Int add_pairs(Int total, Pairs weights, const int16_t *sums) {
  const int16x8_t s = vreinterpretq_s16_s32(four(sums));
  return vaddq_s32(total, vpaddq_s32(vmull_s16(vget_low_s16(weights), vget_low_s16(s)), vmull_high_s16(weights, s)));
}

static inline Real all(float x) { return vdupq_n_f32(x); }
static inline Real add(Real a, Real b) { return vaddq_f32(a, b); }
static inline Real sub(Real a, Real b) { return vsubq_f32(a, b); }
static inline Real divided(Real a, Real b) { return vdivq_f32(a, b); }
/* Where a is NaN: b. */
static inline Real at_most(Real a, Real b) { return vminnmq_f32(a, b); }
static inline Real at_least(Real a, Real b) { return vmaxnmq_f32(a, b); }
static inline Real power_of_two(Real n) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23)); }
static inline Real mul(Real a, Real b) { return vmulq_f32(a, b); }
static inline Real fma(Real a, Real b, Real c) { return vfmaq_f32(c, a, b); }
static inline Real to_real(Int x) { return vcvtq_f32_s32(x); }
static inline Real load_f32(const uint8_t *from) { return vreinterpretq_f32_u8(vld1q_u8(from)); }
static inline Real load_f16(const uint8_t *from) { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(from))); }
static inline Real load_bf16(const uint8_t *from) { return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(from)), 16)); }
static inline Real load_halves(const uint8_t *from) { return load_f16(from); }
static inline void store(float *to, Real x) { vst1q_f32(to, x); }
static inline void ask_for(const uint8_t *p) { __builtin_prefetch(p); }

/* The bits of the largest |x|; n is a multiple of 4. */
static inline uint32_t highest_magnitude(const float *x, int n) {
  uint32x4_t most = vdupq_n_u32(0);
  for (int i = 0; i < n; i += 4) most = vmaxq_u32(most, vandq_u32(vreinterpretq_u32_f32(vld1q_f32(x + i)), vdupq_n_u32(0x7fffffff)));
  return vmaxvq_u32(most);
}

static inline void round_unit(const float *x, float inverse, int8_t *q) {
  for (int i = 0; i < 32; i += 8) {
    const int32x4_t a = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), inverse)), b = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4), inverse));
    vst1_s8(q + i, vqmovn_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b))));
  }
}

/* Σ q of the two halves of a unit. */
static inline void half_sums(const int8_t *q, int *to) {
  to[0] = vaddlvq_s8(vld1q_s8(q));
  to[1] = vaddlvq_s8(vld1q_s8(q + 16));
}

}  // namespace
