// Loops that compilers turn into registers of four; sums have a fixed number of lanes.
#include "segments/elementwise.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

namespace deltallm {
namespace {

constexpr int kLanes = 8;

/** e^x, 0 or infinite nowhere: x is kept within ±87. x = n·ln 2 + r, a polynomial in r (Cephes expf), about 1 ulp. */
inline float exponential(float x) {
  x = x < 87.0f ? x : 87.0f;
  x = x > -87.0f ? x : -87.0f;
  const float n = (x * 1.44269504088896341f + 12582912.0f) - 12582912.0f;  // 1.5·2^23: rounds to a whole number
  const float r = x - n * 0.693359375f - n * -2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  memcpy(&power, &bits, 4);
  return y * power;
}

/** z·σ(z), and with tanh: gelu(z) = z·σ(2u), u = √(2/π)·(z + 0.044715·z³). */
inline float silu(float z) { return z / (1.0f + exponential(-z)); }
inline float gelu(float z) { return z / (1.0f + exponential(-1.5957691216057308f * (z + 0.044715f * (z * z * z)))); }

}  // namespace

void rmsNorm(const float *x, const float *scale, float epsilon, int n, float *to) {
  double lanes[kLanes] = {0};
  int i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int l = 0; l < kLanes; l++) lanes[l] += static_cast<double>(x[i + l]) * x[i + l];
  for (; i < n; i++) lanes[0] += static_cast<double>(x[i]) * x[i];
  double sum = 0;
  for (double lane : lanes) sum += lane;
  const float inverse = static_cast<float>(1 / sqrt(sum / n + epsilon));
  for (i = 0; i < n; i++) to[i] = x[i] * inverse * scale[i];
}

void gated(Activation f, const float *gate, const float *x, int n, float *to) {
  if (f == Activation::silu)
    for (int i = 0; i < n; i++) to[i] = silu(gate[i]) * x[i];
  else
    for (int i = 0; i < n; i++) to[i] = gelu(gate[i]) * x[i];
}

}  // namespace deltallm
