// Sine and cosine after fdlibm (k_sin.c, k_cos.c), with π/2 in three parts.
#include "kv/sine.h"

#include <stdint.h>
#include <string.h>

namespace deltallm {

void sineCosine(double x, double *sine, double *cosine) {
  const double n = (x * 6.36619772367581382433e-01 + 6755399441055744.0) - 6755399441055744.0;  // x·2/π, rounded
  const double y = ((x - n * 1.57079632673412561417e+00) - n * 6.07710050630396597660e-11) - n * 2.02226624879595063154e-21;
  const double z = y * y;
  const double s = y + y * z *
                           (-1.66666666666666324348e-01 +
                            z * (8.33333333332248946124e-03 +
                                 z * (-1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
  const double c = 1.0 - 0.5 * z +
                   z * z *
                       (4.16666666666666019037e-02 +
                        z * (-1.38888888888741095749e-03 +
                             z * (2.48015872894767294178e-05 + z * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
  switch (static_cast<long long>(n) & 3) {
    case 0: *sine = s, *cosine = c; break;
    case 1: *sine = c, *cosine = -s; break;
    case 2: *sine = -s, *cosine = -c; break;
    default: *sine = -c, *cosine = s;
  }
}

double exponential(double x) {
  const double n = (x * 1.44269504088896338700e+00 + 6755399441055744.0) - 6755399441055744.0;  // x / ln 2, rounded: at most 3
  const double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  double sum = 1;
  for (int i = 14; i > 0; i--) sum = 1 + sum * r / i;  // Taylor: |r| ≤ 0.35
  for (int i = 0; i < n; i++) sum *= 2;
  for (int i = 0; i > n; i--) sum /= 2;
  return sum;
}

double logarithm(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  bits = (bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull;
  double m;
  memcpy(&m, &bits, sizeof m);
  if (m > 1.41421356237309514547) {
    m /= 2;
    exponent++;
  }
  const double s = (m - 1) / (m + 1), z = s * s;  // ln m = 2·atanh s, |s| ≤ 0.172
  double sum = 0;
  for (int i = 23; i > 0; i -= 2) sum = sum * z + 1.0 / i;
  return 2 * s * sum + exponent * 6.93147180559945286227e-01;
}

}  // namespace deltallm
