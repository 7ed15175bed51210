// The product set for every arm64: without the dot-product instructions, products of bytes go through 16 bits.
#include "kernels/products_neon.h"

namespace {

/* total + scale·Σ w·q over a unit; weights are signed bytes, a pair of products is at most 2·127·128. */
template <class F>
static inline __attribute__((always_inline)) Int add_dots(Int total, const Bytes *w, const int8_t *q, const Scale *scale) {
  constexpr int chain = F::group == 16 ? 4 : 8;
#pragma GCC unroll 8
  for (int g = 0; g < 8; g += chain) {
    Int sum = nothing();
#pragma GCC unroll 8
    for (int i = g; i < g + chain; i++) {
      const int8x16_t a = vreinterpretq_s8_s32(four(q + 4 * i)), b = vreinterpretq_s8_u8(w[i]);
      sum = vpadalq_s16(sum, vpaddq_s16(vmull_s8(vget_low_s8(b), vget_low_s8(a)), vmull_high_s8(b, a)));
    }
    total = F::scaled ? vmlaq_s32(total, sum, scale[g / 4]) : vaddq_s32(total, sum);
  }
  return total;
}

}  // namespace

#include "kernels/tiles.h"

extern "C" const dl_products dl_products_neon = DL_PRODUCT_SET("neon");
