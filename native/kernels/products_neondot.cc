// The product set for arm64 with the dot-product instructions (from 2018 on: Cortex-A76, Neoverse N1, Apple M1): four columns of four rows in one.
#include "kernels/products_neon.h"

namespace {

/* total + scale·Σ w·q over a unit; weights are signed bytes. The lane must be a constant: written out. */
template <class F>
static inline __attribute__((always_inline)) Int add_dots(Int total, const Bytes *w, const int8_t *q, const Scale *scale) {
  const int8x16_t a = vld1q_s8(q), b = vld1q_s8(q + 16);
  Int low = F::scaled ? nothing() : total, high = nothing();
  low = vdotq_laneq_s32(low, vreinterpretq_s8_u8(w[0]), a, 0);
  high = vdotq_laneq_s32(high, vreinterpretq_s8_u8(w[4]), b, 0);
  low = vdotq_laneq_s32(low, vreinterpretq_s8_u8(w[1]), a, 1);
  high = vdotq_laneq_s32(high, vreinterpretq_s8_u8(w[5]), b, 1);
  low = vdotq_laneq_s32(low, vreinterpretq_s8_u8(w[2]), a, 2);
  high = vdotq_laneq_s32(high, vreinterpretq_s8_u8(w[6]), b, 2);
  low = vdotq_laneq_s32(low, vreinterpretq_s8_u8(w[3]), a, 3);
  high = vdotq_laneq_s32(high, vreinterpretq_s8_u8(w[7]), b, 3);
  if (!F::scaled) return vaddq_s32(low, high);
  if (F::group == 16) return vmlaq_s32(vmlaq_s32(total, low, scale[0]), high, scale[1]);
  return vmlaq_s32(total, vaddq_s32(low, high), scale[0]);
}

}  // namespace

#include "kernels/tiles.h"

extern "C" const dl_products dl_products_neondot = DL_PRODUCT_SET("neondot");
