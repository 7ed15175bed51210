// One weight matrix W[rows, columns] in tiles of 16 rows, made from the rows of a file. Tiles lie in parts of at most 256 MiB.
#pragma once
#include "attention/threads.h"
#include "kv/memory.h"
#include "kv/status.h"
#include "products/types.h"

namespace deltallm {

constexpr int kMostRows = 1 << 22;     // of a vocabulary, with room
constexpr int kMostColumns = 1 << 18;

class Weights {
 public:
  /** Room for all rows, as zeros. `factor` multiplies every product (the one scale of an I2_S tensor; 1 otherwise). */
  Status prepare(const TensorType &type, int rows, int columns, float factor);

  /** The next rows, as they lie in the file: as many as the bytes hold, a multiple of 16 unless they are the last. */
  Status append(const uint8_t *bytes, size_t length, Threads *threads);

  const TensorType &type() const { return *type_; }
  const FormShape &shape() const { return shapeOf(type_->form); }
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  float factor() const { return factor_; }
  int written() const { return written_; }
  bool complete() const { return written_ == rows_; }
  int tiles() const { return (rows_ + DL_TILE_ROWS - 1) / DL_TILE_ROWS; }
  /** Columns with those that fill the last block. */
  int paddedColumns() const { return blocks_ * shape().block; }
  size_t tileBytes() const { return tileBytes_; }
  const uint8_t *tile(int i) const { return parts_[i / tilesInPart_].data() + i % tilesInPart_ * tileBytes_; }
  /** Bytes allocated for tiles. */
  size_t bytes() const { return tileBytes_ * tiles(); }
  /** Bytes of a row in the file. */
  size_t rowBytes() const { return static_cast<size_t>(columns_) / type_->block * type_->bytes; }

 private:
  static void packTile(void *job, int thread, int item);

  const TensorType *type_ = nullptr;
  int rows_ = 0, columns_ = 0, blocks_ = 0, written_ = 0;
  float factor_ = 1;
  size_t tileBytes_ = 0;
  int tilesInPart_ = 1;
  Objects<Array<uint8_t>> parts_;
};

}  // namespace deltallm
