// y[rows, N] = x[rows, K] · W[N, K]ᵀ on the caller and the parked threads: x is rounded once and serves every matrix of the same kind.
#pragma once
#include "products/weights.h"

namespace deltallm {

/** Rows of x as products of one kind of weights read them, in chunks that kernels take whole; the memory is kept from call to call. */
class Activations {
 public:
  /** Takes x `[rows][columns of w]` for weights of w's kind. */
  Status take(const dl_products *set, const Weights &w, const float *x, int rows, Threads *threads);

  /** Whether what was taken serves these weights too. */
  bool serves(const Weights &w) const;

  int rows() const { return rows_; }
  int chunks() const { return (rows_ + rowsInChunk_ - 1) / rowsInChunk_; }
  int firstRow(int chunk) const { return chunk * rowsInChunk_; }
  dl_activations chunk(int i) const;

 private:
  struct Taking;
  static void takeRows(void *context, int thread, int item);
  void takeColumns(const Taking &taking, int row, int from, int count) const;

  /** How x is read. */
  struct Kind {
    int columns = 0, padded = 0;
    int block = 0, group = 0;  // block 0: floats
    int times = 1;
    bool whole = false;
    float factor = 1;
    bool operator==(const Kind &other) const;
    int sums() const { return block > group ? block / group : 2; }
  };
  static Kind kindOf(const Weights &w);

  Kind kind_;
  int rows_ = 0, rowsInChunk_ = 1;
  Array<int8_t> q_;        // each of these: [chunk][unit or block][row of the chunk]…
  Array<float> scales_;
  Array<int16_t> sums_;
  Array<float> x_;         // of weights in floats
  Array<float> padded_;    // rows of x whose last block is not whole
};

constexpr int kMostProducts = 8;

/** y[i·stride + n] of what was taken, n < w.rows(). */
struct Product {
  const Weights *w;
  float *y;
  size_t stride;
};

/** Up to kMostProducts of the same rows, as one job. A row's bits depend on neither the other rows, nor the set, nor the number of threads, nor what else is multiplied with it. */
void multiply(const dl_products *set, const Product *products, int count, const Activations &x, Threads *threads);

}  // namespace deltallm
