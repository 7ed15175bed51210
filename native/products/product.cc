// Work is cut into runs of tiles and chunks of rows; whoever computes an item computes whole sums, so how it is cut cannot be seen.
#include "products/product.h"

#include <string.h>

namespace deltallm {
namespace {

constexpr size_t kChunkBytes = size_t(256) << 10;  // of rounded rows: they are read again for every tile, so they should stay in the second-level cache
constexpr size_t kItemBytes = size_t(96) << 10;    // of tiles: an item is then some microseconds of reading
constexpr size_t kWorthWaking = size_t(192) << 10; // bytes of tiles, times chunks of four rows, below which helpers stay parked

struct Job {
  const dl_products *set;
  const Weights &w;
  const dl_activations &x;
  float *y;
  size_t stride;
  int rowsInChunk, tilesInItem, itemsOfTiles;
};

void runItem(void *context, int, int item) {
  const Job &job = *static_cast<Job *>(context);
  dl_product *product = job.set->product[job.w.type().form];
  const int first = item / job.itemsOfTiles * job.rowsInChunk, left = job.x.rows - first, count = left < job.rowsInChunk ? left : job.rowsInChunk;
  const int from = item % job.itemsOfTiles * job.tilesInItem, rows = job.w.rows();
  for (int tile = from; tile < from + job.tilesInItem && tile < job.w.tiles(); tile++) {
    const int n = tile * DL_TILE_ROWS;
    float *y = job.y + first * job.stride + n;
    if (n + DL_TILE_ROWS <= rows) {
      product(job.w.tile(tile), &job.x, first, count, y, static_cast<int64_t>(job.stride));
      continue;
    }
    float last[DL_MOST_X * DL_TILE_ROWS];
    product(job.w.tile(tile), &job.x, first, count, last, DL_TILE_ROWS);
    for (int i = 0; i < count; i++) memcpy(y + i * job.stride, last + i * DL_TILE_ROWS, sizeof(float) * (rows - n));
  }
}

int atLeastOne(size_t n) { return n < 1 ? 1 : static_cast<int>(n); }

}  // namespace

struct Activations::Taking {
  const dl_products *set;
  const float *x;
  int columns, padded;
  Activations *to;
};

bool Activations::serves(const Weights &w) const {
  const FormShape &shape = w.shape();
  const int block = shape.bytes ? 0 : shape.block, group = shape.bytes ? 0 : shape.group;
  return rows_.units * DL_UNIT == w.paddedColumns() && columns_ == w.columns() && block_ == block && group_ == group && whole_ == w.type().wholeRow && factor_ == w.factor();
}

void Activations::takeRow(void *context, int, int row) {
  const Taking &taking = *static_cast<Taking *>(context);
  Activations &to = *taking.to;
  const float *x = taking.x + static_cast<size_t>(row) * taking.columns;
  const int64_t rows = to.rows_.rows;
  if (!to.block_) {
    for (int k = 0; k < taking.columns; k += DL_UNIT) {
      const int n = taking.columns - k < DL_UNIT ? taking.columns - k : DL_UNIT;
      float *unit = to.x_.data() + (k / DL_UNIT * rows + row) * DL_UNIT;
      for (int i = 0; i < n; i++) unit[i] = to.factor_ * x[k + i];
      if (n < DL_UNIT) memset(unit + n, 0, sizeof(float) * (DL_UNIT - n));
    }
    return;
  }
  const int sums = to.block_ > to.group_ ? to.block_ / to.group_ : 2, blocks = taking.padded / to.block_;
  const dl_rounded rounded = {taking.padded, to.block_, to.group_, to.whole_, to.q_.data() + row * DL_UNIT, to.scales_.data() + row, to.sums_.data() + row * sums, rows * DL_UNIT, rows, rows * sums};
  if (taking.padded == taking.columns) {
    taking.set->quantise(x, &rounded);
  } else {
    float *padded = to.x_.data() + static_cast<size_t>(row) * taking.padded;
    memcpy(padded, x, sizeof(float) * taking.columns);
    memset(padded + taking.columns, 0, sizeof(float) * (taking.padded - taking.columns));
    taking.set->quantise(padded, &rounded);
  }
  for (int b = 0; to.factor_ != 1 && b < blocks; b++) to.scales_[b * rows + row] *= to.factor_;
}

Status Activations::take(const dl_products *set, const Weights &w, const float *x, int rows, Threads *threads) {
  const FormShape &shape = w.shape();
  const int padded = w.paddedColumns();
  columns_ = w.columns();
  block_ = shape.bytes ? 0 : shape.block;
  group_ = shape.bytes ? 0 : shape.group;
  whole_ = w.type().wholeRow;
  factor_ = w.factor();
  const size_t all = static_cast<size_t>(rows) * padded;
  if ((!block_ || padded != columns_) && !x_.atLeast(all)) return Status::outOfMemory;
  if (block_) {
    const int sums = block_ > group_ ? block_ / group_ : 2;
    if (!q_.atLeast(all) || !scales_.atLeast(all / block_) || !sums_.atLeast(all / block_ * sums)) return Status::outOfMemory;
  }
  rows_ = {rows, padded / DL_UNIT, q_.data(), scales_.data(), sums_.data(), x_.data()};
  Taking taking = {set, x, columns_, padded, this};
  threads->run(takeRow, &taking, rows, all > 65536);
  return Status::ok;
}

void multiply(const dl_products *set, const Weights &w, const Activations &x, float *y, size_t stride, Threads *threads) {
  const size_t tileBytes = w.tileBytes();
  const int rows = x.rows().rows;
  size_t chunk = kChunkBytes / (static_cast<size_t>(w.paddedColumns()) * (w.shape().bytes ? 4 : 1));
  chunk = chunk < 16 ? 16 : chunk > DL_MOST_X ? DL_MOST_X : chunk / 16 * 16;
  Job job = {set, w, x.rows(), y, stride, static_cast<int>(chunk), atLeastOne(kItemBytes / tileBytes), 0};
  const int chunks = (rows + job.rowsInChunk - 1) / job.rowsInChunk;
  if (job.tilesInItem > 1 && w.tiles() < job.tilesInItem * threads->size() * 4) job.tilesInItem = atLeastOne(w.tiles() / (threads->size() * 4));
  job.itemsOfTiles = (w.tiles() + job.tilesInItem - 1) / job.tilesInItem;
  const bool wake = w.bytes() * ((rows + 3) / 4) > kWorthWaking;
  threads->run(runItem, &job, job.itemsOfTiles * chunks, wake);
}

}  // namespace deltallm
