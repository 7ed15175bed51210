// A loop that compilers turn into registers; the sum has a fixed number of lanes.
#include "segments/norm.h"

#include <math.h>

namespace deltallm {

void rmsNorm(const float *x, const float *scale, float epsilon, int n, float *to) {
  constexpr int kLanes = 8;
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

}  // namespace deltallm
