// From the rows of a file to tiles: 16 rows are spelled out block by block, and their codes laid into planes (kernels/products.h says how).
#include "products/weights.h"

#include <string.h>

namespace deltallm {
namespace {

constexpr size_t kPartBytes = size_t(256) << 20;

void put16(uint16_t x, uint8_t *to) { memcpy(to, &x, 2); }

/** The p lowest bits above bit `from` of 64 codes (row, column) into plane number g. */
void putPlane(const uint8_t *codes, int from, int p, int g, uint8_t *planes) {
  const int mask = (1 << p) - 1, at = p * g % 8;
  uint8_t *to = planes + p * g / 8 * 64;
  if (at == 0) memset(to, 0, 64);
  for (int i = 0; i < 64; i++) to[i] = static_cast<uint8_t>(to[i] | (codes[i] >> from & mask) << at);
}

void putUnit(const CodedBlock *rows, int first, int bits, uint8_t *to) {
  const int low = bits == 8 ? 8 : bits >= 4 ? 4 : 2;
  for (int g = 0; g < 8; g++) {
    uint8_t codes[64];
    for (int r = 0; r < DL_TILE_ROWS; r++) memcpy(codes + 4 * r, rows[r].codes + first + 4 * g, 4);
    putPlane(codes, 0, low, g, to);
    if (bits > low) putPlane(codes, low, bits - low, g, to + 64 * low);
  }
}

void putBlock(const FormShape &shape, const CodedBlock *rows, uint8_t *to) {
  const int groups = shape.groups();
  for (int part = shape.d ? 0 : 1; part < 1 + shape.mins; part++, to += 32)
    for (int r = 0; r < DL_TILE_ROWS; r++) put16(part ? rows[r].m : rows[r].d, to + 2 * r);
  for (int part = 0; groups > 1 && part < 1 + shape.mins; part++, to += 16 * groups)
    for (int g = 0; g < groups; g++)
      for (int r = 0; r < DL_TILE_ROWS; r++) to[g / 2 * 32 + 2 * r + g % 2] = static_cast<uint8_t>(part ? rows[r].mins[g] : rows[r].scales[g]);
  for (int k = 0; k < shape.block; k += DL_UNIT, to += 64 * shape.bits) putUnit(rows, k, shape.bits, to);
}

/** Weights in floats: [columns][16]; rows that are not there are zeros. A unit at a time, so that what is written stays near. */
template <class T>
void putFloats(const uint8_t *from, size_t rowBytes, int rows, int columns, uint8_t *to) {
  for (int k = 0; k < columns; k += DL_UNIT) {
    const int n = columns - k < DL_UNIT ? columns - k : DL_UNIT;
    T unit[DL_UNIT][DL_TILE_ROWS] = {};
    for (int r = 0; r < rows; r++) {
      T row[DL_UNIT];
      memcpy(row, from + r * rowBytes + k * sizeof(T), sizeof(T) * n);
      for (int i = 0; i < n; i++) unit[i][r] = row[i];
    }
    memcpy(to + static_cast<size_t>(k) * DL_TILE_ROWS * sizeof(T), unit, sizeof unit);
  }
}

struct Packing {
  const Weights *weights;
  const uint8_t *bytes;
  int firstTile, rows;
};

}  // namespace

Status Weights::prepare(const TensorType &type, int rows, int columns, float factor) {
  const FormShape &shape = shapeOf(type.form);
  if (rows < 1 || rows > kMostRows || columns < 1 || columns > kMostColumns || columns % type.block != 0) return Status::invalidArgument;
  type_ = &type;
  rows_ = rows;
  columns_ = columns;
  factor_ = factor;
  blocks_ = (columns + shape.block - 1) / shape.block;
  tileBytes_ = static_cast<size_t>(blocks_) * shape.blockBytes();
  tilesInPart_ = tileBytes_ < kPartBytes ? static_cast<int>(kPartBytes / tileBytes_) : 1;
  const int parts = (tiles() + tilesInPart_ - 1) / tilesInPart_;
  if (!parts_.reset(parts)) return Status::outOfMemory;
  for (int part = 0, left = tiles(); part < parts; part++, left -= tilesInPart_) {
    if (!parts_[part].reset(tileBytes_ * (left < tilesInPart_ ? left : tilesInPart_))) return Status::outOfMemory;
    preferLargePages(parts_[part].data(), parts_[part].size());
  }
  return Status::ok;
}

void Weights::packTile(void *context, int, int item) {
  const Packing &packing = *static_cast<Packing *>(context);
  const Weights &w = *packing.weights;
  const FormShape &shape = w.shape();
  const int first = item * DL_TILE_ROWS, rows = packing.rows - first < DL_TILE_ROWS ? packing.rows - first : DL_TILE_ROWS;
  const uint8_t *from = packing.bytes + first * w.rowBytes();
  uint8_t *to = const_cast<uint8_t *>(w.tile(packing.firstTile + item));
  if (shape.bytes == 4) return putFloats<uint32_t>(from, w.rowBytes(), rows, w.columns_, to);
  if (shape.bytes == 2) return putFloats<uint16_t>(from, w.rowBytes(), rows, w.columns_, to);
  CodedBlock blocks[DL_TILE_ROWS];
  for (int r = rows; r < DL_TILE_ROWS; r++) memset(&blocks[r], 0, sizeof(CodedBlock));  // rows behind the last: d = 0
  for (int b = 0; b < w.blocks_; b++, to += shape.blockBytes()) {
    for (int r = 0; r < rows; r++) readCoded(w.type(), from + r * w.rowBytes(), b * shape.block, w.columns_, &blocks[r]);
    putBlock(shape, blocks, to);
  }
}

Status Weights::append(const uint8_t *bytes, size_t length, Threads *threads) {
  const size_t rows = length / rowBytes();
  if (rows == 0 || rows * rowBytes() != length || rows > static_cast<size_t>(rows_ - written_)) return Status::invalidArgument;
  if (rows % DL_TILE_ROWS != 0 && written_ + static_cast<int>(rows) != rows_) return Status::invalidArgument;
  Packing packing = {this, bytes, written_ / DL_TILE_ROWS, static_cast<int>(rows)};
  const int tiles = (packing.rows + DL_TILE_ROWS - 1) / DL_TILE_ROWS;
  threads->run(packTile, &packing, tiles, length > 65536);
  written_ += packing.rows;
  return Status::ok;
}

}  // namespace deltallm
