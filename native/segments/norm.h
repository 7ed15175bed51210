// The norm before products, in plain C++: the same bits on every CPU, for a row alone or among others.
#pragma once

namespace deltallm {

/** to = x · scale / √(mean of x² + epsilon), n values; the mean in doubles. */
void rmsNorm(const float *x, const float *scale, float epsilon, int n, float *to);

}  // namespace deltallm
