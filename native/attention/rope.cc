// Sine and cosine after fdlibm (k_sin.c, k_cos.c), with π/2 in three parts: our own, so that keys do not depend on the C library.
#include "attention/rope.h"

namespace deltallm {
namespace {

/** Both at once for |x| up to about 10⁷; relative error below 2⁻⁴⁰ there, far below float32. */
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

}  // namespace

void ropeRow(const LayerSetup &layer, int position, float *row) {
  for (int i = 0; i < layer.pairs; i++) {
    double sine, cosine;
    sineCosine(position * layer.inverseFrequencies[i], &sine, &cosine);
    row[i] = static_cast<float>(cosine * layer.ropeScale);
    row[layer.pairs + i] = static_cast<float>(sine * layer.ropeScale);
  }
}

void rotateHead(const float *from, const float *row, int pairs, int keyLength, float *to) {
  for (int i = 0; i < pairs; i++) {
    const float a = from[i], b = from[pairs + i];
    to[i] = a * row[i] - b * row[pairs + i];
    to[pairs + i] = b * row[i] + a * row[pairs + i];
  }
  for (int i = 2 * pairs; i < keyLength; i++) to[i] = from[i];
}

const float *RopeCache::rows(const Setup &setup, int layer, int start, int tokens) {
  const LayerSetup &own = setup.layer[layer];
  if (own.ropeGroup == group_ && start == start_ && tokens == tokens_) return rows_.data();
  group_ = -1;
  const size_t width = 2 * static_cast<size_t>(own.pairs);
  if (!rows_.atLeast(width * tokens + 1)) return nullptr;  // never empty: a model may rotate nothing
  for (int i = 0; i < tokens; i++) ropeRow(own, start + i, rows_.data() + width * i);
  group_ = own.ropeGroup;
  start_ = start;
  tokens_ = tokens;
  return rows_.data();
}

}  // namespace deltallm
