// y[rows, N] = x[rows, K] · W[N, K]ᵀ on the caller and the parked threads: x is rounded once and serves every matrix of the same kind.
#pragma once
#include "products/weights.h"

namespace deltallm {

/** Rows of x as products of one kind of weights read them; the memory is kept from call to call. */
class Activations {
 public:
  /** Takes x `[rows][columns of w]` for weights of w's kind. */
  Status take(const dl_products *set, const Weights &w, const float *x, int rows, Threads *threads);

  /** Whether what was taken serves these weights too. */
  bool serves(const Weights &w) const;

  const dl_activations &rows() const { return rows_; }

 private:
  struct Taking;
  static void takeRow(void *context, int thread, int row);

  dl_activations rows_ = {};
  int columns_ = 0, block_ = 0, group_ = 0;  // block 0: floats
  bool whole_ = false;
  float factor_ = 1;
  Array<int8_t> q_;
  Array<float> scales_;
  Array<int16_t> sums_;
  Array<float> x_;
};

/** y[i·stride + n] of what was taken, n < w.rows(). A row's bits depend on neither the other rows, nor the set, nor the number of threads. */
void multiply(const dl_products *set, const Weights &w, const Activations &x, float *y, size_t stride, Threads *threads);

}  // namespace deltallm
