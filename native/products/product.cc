// Work is cut into runs of tiles and chunks of rows; whoever computes an item computes whole sums, so how it is cut cannot be seen.
#include "products/product.h"

#include <string.h>

namespace deltallm {
namespace {

constexpr size_t kChunkBytes = size_t(384) << 10;  // of a chunk of rows: it is read again for every tile, so it should stay in the second-level cache
constexpr int kLeastInChunk = 32;                  // rows: below, unpacking weights costs more than the cache gains
constexpr int kRowsInItem = 16;                    // of x that one thread rounds: so many share a line of scales
constexpr int kColumnsAtOnce = 256;                // whole blocks of every form
constexpr size_t kItemBytes = size_t(96) << 10;    // of tiles: an item is then some microseconds of reading
constexpr int kItemsAThread = 4;                   // at least, where there are as many tiles
constexpr size_t kWorthWaking = size_t(192) << 10; // bytes of tiles, times chunks of four rows, below which helpers stay parked

/** A product as items: runs of tiles, once for each chunk of rows. */
struct Part {
  Product product;
  int tilesInItem, itemsOfTiles, items;
};

struct Job {
  const dl_products *set;
  const Activations &x;
  Part parts[kMostProducts];
};

/** A tile whose last rows may not be any of W. */
void takeTile(dl_product *product, const Weights &w, int tile, const dl_activations &x, float *to, size_t stride) {
  const int n = tile * DL_TILE_ROWS;
  if (n + DL_TILE_ROWS <= w.rows()) return product(w.tile(tile), nullptr, &x, to, static_cast<int64_t>(stride));
  float last[DL_MOST_X * DL_TILE_ROWS];
  product(w.tile(tile), nullptr, &x, last, DL_TILE_ROWS);
  for (int i = 0; i < x.rows; i++) memcpy(to + i * stride, last + i * DL_TILE_ROWS, sizeof(float) * (w.rows() - n));
}

void runItem(void *context, int, int item) {
  const Job &job = *static_cast<Job *>(context);
  const Part *part = job.parts;
  for (; item >= part->items; part++) item -= part->items;
  const Weights &w = *part->product.w;
  const size_t stride = part->product.stride;
  dl_product *product = job.set->product[w.type().form];
  const int chunk = item / part->itemsOfTiles, from = item % part->itemsOfTiles * part->tilesInItem, rows = w.rows();
  const dl_activations x = job.x.chunk(chunk);
  float *to = part->product.y + job.x.firstRow(chunk) * stride;
  const int end = from + part->tilesInItem < w.tiles() ? from + part->tilesInItem : w.tiles(), whole = rows / DL_TILE_ROWS;
  int tile = from;
  for (; tile + 1 < end && tile + 1 < whole; tile += 2) product(w.tile(tile), w.tile(tile + 1), &x, to + tile * DL_TILE_ROWS, static_cast<int64_t>(stride));
  for (; tile < end; tile++) takeTile(product, w, tile, x, to + tile * DL_TILE_ROWS, stride);
}

int atLeastOne(size_t n) { return n < 1 ? 1 : static_cast<int>(n); }

/** Of several rows tiles are multiplied two by two. */
int wholePairs(int tiles, int rows) { return rows > 1 ? (tiles + 1) / 2 * 2 : tiles; }

}  // namespace

struct Activations::Taking {
  const dl_products *set;
  const float *x;
  Activations *to;
};

bool Activations::Kind::operator==(const Kind &other) const {
  return columns == other.columns && padded == other.padded && block == other.block && group == other.group && times == other.times && whole == other.whole && factor == other.factor;
}

Activations::Kind Activations::kindOf(const Weights &w) {
  const FormShape &shape = w.shape();
  const bool floats = shape.bytes > 0;
  Kind kind;
  kind.columns = w.columns();
  kind.padded = w.paddedColumns();
  kind.block = floats ? 0 : shape.block;
  kind.group = floats ? 0 : shape.group;
  kind.times = floats || shape.groups() > 1 ? 1 : DL_TIMES(shape.offset);
  kind.whole = w.type().wholeRow;
  kind.factor = w.factor();
  return kind;
}

bool Activations::serves(const Weights &w) const { return kind_ == kindOf(w); }

dl_activations Activations::chunk(int i) const {
  const size_t first = firstRow(i), left = rows_ - first;
  dl_activations chunk = {};
  chunk.rows = left < static_cast<size_t>(rowsInChunk_) ? static_cast<int>(left) : rowsInChunk_;
  chunk.units = kind_.padded / DL_UNIT;
  if (!kind_.block) {
    chunk.x = x_.data() + first * kind_.padded;
    return chunk;
  }
  const size_t blocks = kind_.padded / kind_.block;
  chunk.q = q_.data() + first * kind_.padded;
  chunk.scales = scales_.data() + first * blocks;
  chunk.sums = sums_.data() + first * blocks * kind_.sums();
  return chunk;
}

/** Rows of x side by side share lines of memory in what is written: they are one thread's, a few columns of each at a time. */
void Activations::takeRows(void *context, int, int item) {
  const Taking &taking = *static_cast<Taking *>(context);
  const Activations &to = *taking.to;
  const Kind &kind = to.kind_;
  const int first = item * kRowsInItem, end = first + kRowsInItem < to.rows_ ? first + kRowsInItem : to.rows_, columns = kind.whole || !kind.block ? kind.padded : kColumnsAtOnce;
  for (int row = first; kind.padded > kind.columns && kind.block && row < end; row++) {
    float *padded = taking.to->padded_.data() + static_cast<size_t>(row) * kind.padded;
    memcpy(padded, taking.x + static_cast<size_t>(row) * kind.columns, sizeof(float) * kind.columns);
    memset(padded + kind.columns, 0, sizeof(float) * (kind.padded - kind.columns));
  }
  for (int k = 0; k < kind.padded; k += columns)
    for (int row = first; row < end; row++) to.takeColumns(taking, row, k, columns < kind.padded - k ? columns : kind.padded - k);
}

void Activations::takeColumns(const Taking &taking, int row, int from, int count) const {
  const dl_activations chunk = this->chunk(row / rowsInChunk_);
  const int64_t rows = chunk.rows, own = row % rowsInChunk_;
  if (!kind_.block) {
    const float *x = taking.x + static_cast<size_t>(row) * kind_.columns;
    for (int k = 0; k < kind_.columns; k += DL_UNIT) {
      const int n = kind_.columns - k < DL_UNIT ? kind_.columns - k : DL_UNIT;
      float *unit = const_cast<float *>(chunk.x) + (k / DL_UNIT * rows + own) * DL_UNIT;
      for (int i = 0; i < n; i++) unit[i] = kind_.factor * x[k + i];
      if (n < DL_UNIT) memset(unit + n, 0, sizeof(float) * (DL_UNIT - n));
    }
    return;
  }
  const float *x = (kind_.padded > kind_.columns ? padded_.data() : taking.x) + static_cast<size_t>(row) * kind_.padded + from;
  const int sums = kind_.sums();
  const int64_t unit = from / DL_UNIT * rows + own, block = from / kind_.block * rows + own;
  float *scales = const_cast<float *>(chunk.scales) + block;
  const dl_rounded rounded = {count, kind_.block, kind_.group, kind_.times, kind_.whole, const_cast<int8_t *>(chunk.q) + unit * DL_UNIT, scales, const_cast<int16_t *>(chunk.sums) + block * sums, rows * DL_UNIT, rows, rows * sums};
  taking.set->quantise(x, &rounded);
  for (int b = 0; kind_.factor != 1 && b < count / kind_.block; b++) scales[b * rows] *= kind_.factor;
}

Status Activations::take(const dl_products *set, const Weights &w, const float *x, int rows, Threads *threads) {
  kind_ = kindOf(w);
  rows_ = rows;
  const size_t all = static_cast<size_t>(rows) * kind_.padded, chunk = kChunkBytes / (static_cast<size_t>(kind_.padded) * (kind_.block ? 1 : sizeof(float)));
  rowsInChunk_ = chunk < kLeastInChunk ? kLeastInChunk : chunk > DL_MOST_X ? DL_MOST_X : static_cast<int>(chunk / 16 * 16);
  const bool fits = kind_.block ? q_.atLeast(all) && scales_.atLeast(all / kind_.block) && sums_.atLeast(all / kind_.block * kind_.sums()) && (kind_.padded == kind_.columns || padded_.atLeast(all))
                                : x_.atLeast(all);
  if (!fits) {
    kind_ = Kind();
    return Status::outOfMemory;
  }
  Taking taking = {set, x, this};
  threads->run(takeRows, &taking, (rows + kRowsInItem - 1) / kRowsInItem, all > 65536);
  return Status::ok;
}

void multiply(const dl_products *set, const Product *products, int count, const Activations &x, Threads *threads) {
  Job job = {set, x, {}};
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += products[i].w->bytes();
  const size_t share = bytes / (threads->size() * kItemsAThread), itemBytes = share < kItemBytes ? share : kItemBytes;
  int items = 0;
  for (int i = 0; i < count; i++) {
    const Weights &w = *products[i].w;
    const int tilesInItem = wholePairs(atLeastOne(itemBytes / w.tileBytes()), x.rows()), itemsOfTiles = (w.tiles() + tilesInItem - 1) / tilesInItem;
    job.parts[i] = {products[i], tilesInItem, itemsOfTiles, itemsOfTiles * x.chunks()};
    items += job.parts[i].items;
  }
  threads->run(runItem, &job, items, bytes * ((x.rows() + 3) / 4) > kWorthWaking);
}

}  // namespace deltallm
