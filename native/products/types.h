// The tensor types of GGUF files that products take: what their blocks hold, and the form that each is kept in.
#pragma once
#include <stdint.h>

#include "kernels/products.h"

namespace deltallm {

/** The columns of dl_form_*: DL_CODED_FORMS at run time. Of weights in floats only `bytes` (of one) is set, else 0. */
struct FormShape {
  int bits, offset, table, block, group, mins, d;
  int bytes;
  int groups() const { return block / group; }
  /** Bytes of one block of a tile; of weights in floats: of 32 columns. */
  int blockBytes() const;
};
const FormShape &shapeOf(int form);

/** One block of one row, spelled out: a weight is d·scales[group]·(code − offset) + m·mins[group], by table with dl_table[code] for code. */
struct CodedBlock {
  uint16_t d, m;  // float16
  int8_t scales[16], mins[16];
  uint8_t codes[256];
};

struct TensorType {
  int id;         // of the file format
  const char *name;
  int form;
  int block;      // weights in a block of the file
  int bytes;      // of such a block
  /** Spells one block of the file out; null for weights in floats. */
  void (*read)(const uint8_t *from, CodedBlock *to);
  /** Whether activations share one scale in a whole row (BitNet) instead of one a block. */
  bool wholeRow;
};

/** The type of that id in the file, or null. 36 is I2_S, in the layout of the published files (128 weights in 32 bytes, no scale within). */
const TensorType *tensorType(int id);

/** All of them; ends with an entry whose name is null. */
const TensorType *tensorTypes();

/** The block of a form that begins at this column of a row: as many blocks of the file as it takes; behind `columns` all is zero. */
void readCoded(const TensorType &type, const uint8_t *row, int column, int columns, CodedBlock *to);

/** Rows of the file as floats, `[rows][columns]`: what an embedding looks up. `factor` multiplies all. */
void decodeRows(const TensorType &type, const uint8_t *from, int rows, int columns, float factor, float *to);

}  // namespace deltallm
