// The norms before products, and the caps of logits, in plain C++: the same bits on every CPU, for a row alone or among others.
#pragma once

namespace deltallm {

/** to = x · scale / √(mean of x² + epsilon), n values; the mean in doubles. */
void rmsNorm(const float *x, const float *scale, float epsilon, int n, float *to);

/** to = (x − mean) · scale / √(variance + epsilon) + bias; mean and variance in doubles. */
void layerNorm(const float *x, const float *scale, const float *bias, float epsilon, int n, float *to);

/** to = most · tanh(x / most); NaN stays NaN. */
void softCap(const float *x, float most, int n, float *to);

}  // namespace deltallm
