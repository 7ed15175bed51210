// A loop that compilers turn into registers; the sum has a fixed number of lanes.
#include "segments/norm.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

namespace deltallm {
namespace {

constexpr int kLanes = 8;

/** The sum of f(x[i]), in a fixed number of lanes. */
template <class F>
double sumOf(const float *x, int n, F f) {
  double lanes[kLanes] = {0};
  int i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int l = 0; l < kLanes; l++) lanes[l] += f(x[i + l]);
  for (; i < n; i++) lanes[0] += f(x[i]);
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return sum;
}

/** 1 / i!. */
constexpr double kSeries[] = {1, 1, 0.5, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800};

/** e^x for x ≤ 0, to 1e-12 of it: 2^k · e^r, r within ln 2 / 2, by the series. The C library's differs from system to system. */
double expOf(double x) {
  if (x < -700) return 0;
  const double k = (x * 1.4426950408889634 + 6755399441055744.0) - 6755399441055744.0;  // x / ln 2, rounded
  const double r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
  double series = kSeries[11];
  for (int i = 10; i >= 0; i--) series = series * r + kSeries[i];
  const int64_t bits = (static_cast<int64_t>(k) + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return series * power;
}

}  // namespace

void rmsNorm(const float *x, const float *scale, float epsilon, int n, float *to) {
  const double sum = sumOf(x, n, [](double v) { return v * v; });
  const float inverse = static_cast<float>(1 / sqrt(sum / n + epsilon));
  for (int i = 0; i < n; i++) to[i] = x[i] * inverse * scale[i];
}

void layerNorm(const float *x, const float *scale, const float *bias, float epsilon, int n, float *to) {
  const double mean = sumOf(x, n, [](double v) { return v; }) / n;
  const double variance = sumOf(x, n, [mean](double v) { return (v - mean) * (v - mean); }) / n;
  const float inverse = static_cast<float>(1 / sqrt(variance + epsilon));
  for (int i = 0; i < n; i++) to[i] = static_cast<float>(x[i] - mean) * inverse * scale[i] + bias[i];
}

void softCap(const float *x, float most, int n, float *to) {
  for (int i = 0; i < n; i++) {
    if (x[i] != x[i]) {
      to[i] = x[i];
      continue;
    }
    const double y = static_cast<double>(x[i]) / most, size = y < 0 ? -y : y, e = expOf(-2 * size);
    const double capped = size < 1e-4 ? size * (1 - size * size / 3) : (1 - e) / (1 + e);
    to[i] = static_cast<float>(most * (y < 0 ? -capped : capped));
  }
}

}  // namespace deltallm
