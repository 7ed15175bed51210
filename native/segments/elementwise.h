// What a decoder does to rows between its products, in plain C++: the same bits on every CPU, for a row alone or among others.
#pragma once
#include <stddef.h>

namespace deltallm {

enum class Activation { silu, gelu };

/** to = x · scale / √(mean of x² + epsilon), n values; the mean in doubles. */
void rmsNorm(const float *x, const float *scale, float epsilon, int n, float *to);

/** to = f(gate) · x. silu: z·σ(z); gelu: the approximation with tanh. To 1e-6 of the largest; NaN stays NaN. */
void gated(Activation f, const float *gate, const float *x, int n, float *to);

}  // namespace deltallm
