// The specification is src/attention/basis.ts: the same sums in the same order.
#include "kv/basis.h"

#include <math.h>

#include "kv/sine.h"

namespace deltallm {
namespace {

constexpr double kMostLogWeight = 2;
constexpr double kSmallestSquare = 1e-12;  // of ‖v‖

/** Exchanges two rows, the lower one divided on its way up. */
void pivotRow(double *m, int n, int row, int pivot, double divisor) {
  for (int j = 0; j < n; j++) {
    const double lower = m[pivot * n + j];
    m[pivot * n + j] = m[row * n + j];
    m[row * n + j] = lower / divisor;
  }
}

/** inverse = matrix⁻¹, Gauss–Jordan with partial pivoting; matrix is used up. False where there is none. */
bool invert(double *matrix, int n, double *inverse) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) inverse[i * n + j] = i == j;
  for (int c = 0; c < n; c++) {
    int pivot = c;
    for (int r = c + 1; r < n; r++)
      if (fabs(matrix[r * n + c]) > fabs(matrix[pivot * n + c])) pivot = r;
    const double divisor = matrix[pivot * n + c];
    if (!(fabs(divisor) > 0)) return false;
    pivotRow(matrix, n, c, pivot, divisor);
    pivotRow(inverse, n, c, pivot, divisor);
    for (int r = 0; r < n; r++) {
      const double factor = matrix[r * n + c];
      if (r == c || factor == 0) continue;
      for (int j = 0; j < n; j++) matrix[r * n + j] -= factor * matrix[c * n + j];
      for (int j = 0; j < n; j++) inverse[r * n + j] -= factor * inverse[c * n + j];
    }
  }
  for (int i = 0; i < n * n; i++)
    if (!(fabs(inverse[i]) < 1e30)) return false;
  return true;
}

/** Turns one key by `position` without any rope scale, in place. */
void turn(const LayerSetup &layer, const double *cosines, const double *sines, double *key) {
  const int pairs = layer.pairs;
  for (int i = 0; i < pairs; i++) {
    const double a = key[i], b = key[pairs + i];
    key[i] = a * cosines[i] - b * sines[i];
    key[pairs + i] = b * cosines[i] + a * sines[i];
  }
}

void anglesOf(const LayerSetup &layer, int position, double *cosines, double *sines) {
  for (int i = 0; i < layer.pairs; i++) sineCosine(position * layer.inverseFrequencies[i], &sines[i], &cosines[i]);
}

}  // namespace

Status prepareBasis(const Setup &setup, const float *basis, LayerSetup *layer) {
  const int D = setup.keyLength, tiles = queryTileCount(D);
  const size_t square = static_cast<size_t>(D) * D;
  Array<double> used;
  if (!layer->forward.reset(square * setup.kvHeads) || !layer->inverse.reset(square * setup.kvHeads) || !used.reset(square) ||
      !layer->queryTiles.reset(static_cast<size_t>(setup.kvHeads) * tiles * D * kBlockTokens))
    return Status::outOfMemory;
  for (int h = 0; h < setup.kvHeads; h++) {
    const float *own = basis + square * h;
    double *forward = layer->forward.data() + square * h, *inverse = layer->inverse.data() + square * h;
    for (int i = 0; i < D; i++)
      for (int j = 0; j < D; j++) {
        used[static_cast<size_t>(i) * D + j] = own[i * D + j];
        forward[j * D + i] = own[i * D + j];
      }
    if (!invert(used.data(), D, inverse)) return Status::invalidArgument;
    const float *step = layer->step.data() + static_cast<size_t>(h) * D;
    for (int d = 0; d < D; d++) {
      float *tile = layer->queryTiles.data() + (static_cast<size_t>(h) * tiles + d / kBlockTokens) * D * kBlockTokens;
      for (int j = 0; j < D; j++) tile[j * kBlockTokens + d % kBlockTokens] = static_cast<float>(inverse[j * D + d] * step[d]);
    }
  }
  return Status::ok;
}

void toBasis(const Setup &setup, const LayerSetup &layer, int kvHead, int base, double (*keys)[kMaxLength]) {
  const int D = setup.keyLength;
  const double *forward = layer.forward.data() + static_cast<size_t>(kvHead) * D * D;
  double cosines[kMaxLength], sines[kMaxLength];
  anglesOf(layer, -originOf(base), cosines, sines);
  for (int t = 0; t < kBlockTokens; t++) {
    double y[kMaxLength] = {};
    turn(layer, cosines, sines, keys[t]);
    for (int j = 0; j < D; j++) {
      const double x = keys[t][j];
      const double *row = forward + static_cast<size_t>(j) * D;
      for (int d = 0; d < D; d++) y[d] += row[d] * x;
    }
    for (int d = 0; d < D; d++) keys[t][d] = y[d];
  }
}

void fromBasis(const Setup &setup, const LayerSetup &layer, int kvHead, int base, double *key) {
  const int D = setup.keyLength;
  const double *inverse = layer.inverse.data() + static_cast<size_t>(kvHead) * D * D;
  double cosines[kMaxLength], sines[kMaxLength], k[kMaxLength];
  anglesOf(layer, originOf(base), cosines, sines);
  for (int i = 0; i < D; i++) {
    k[i] = 0;
    for (int j = 0; j < D; j++) k[i] += inverse[i * D + j] * key[j];
  }
  turn(layer, cosines, sines, k);
  for (int d = 0; d < D; d++) key[d] = k[d];
}

double importanceOf(const Setup &setup, const LayerSetup &layer, int kvHead, const double *y, const float *value) {
  if (!layer.importance.size()) return 1;
  const int D = setup.keyLength;
  const float *table = layer.importance.data() + static_cast<size_t>(kvHead) * (2 * D + 2);
  double z = table[2 * D + 1], square = 0;
  for (int d = 0; d < D; d++) z += table[d] * y[d] + table[D + d] * y[d] * y[d];
  for (int i = 0; i < setup.valueLength; i++) square += static_cast<double>(value[i]) * value[i];
  z += table[2 * D] * (0.5 * logarithm(square > kSmallestSquare ? square : kSmallestSquare));
  return exponential(z > kMostLogWeight ? kMostLogWeight : z > -kMostLogWeight ? z : -kMostLogWeight);
}

}  // namespace deltallm
