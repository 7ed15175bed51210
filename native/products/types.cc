// The blocks of each type, as published with the file format; every reader says the same as dequantisation there.
#include "products/types.h"

#include <string.h>

#include "kv/half.h"

namespace deltallm {
namespace {

constexpr uint16_t kOne = 0x3c00;  // 1 as float16

uint16_t half(const uint8_t *from) {
  uint16_t x;
  memcpy(&x, from, 2);
  return x;
}
uint16_t minus(uint16_t h) { return static_cast<uint16_t>(h ^ 0x8000); }

/** 16 bytes hold 32 codes: the low halves first. */
void nibbles(const uint8_t *from, uint8_t *codes) {
  for (int j = 0; j < 16; j++) {
    codes[j] = from[j] & 15;
    codes[j + 16] = from[j] >> 4;
  }
}

void fifthBits(const uint8_t *from, uint8_t *codes) {
  for (int j = 0; j < 32; j++) codes[j] = static_cast<uint8_t>(codes[j] | (from[j / 8] >> j % 8 & 1) << 4);
}

void readQ4_0(const uint8_t *from, CodedBlock *to) {
  to->d = half(from);
  nibbles(from + 2, to->codes);
}
void readQ4_1(const uint8_t *from, CodedBlock *to) {
  to->d = half(from);
  to->m = half(from + 2);
  nibbles(from + 4, to->codes);
}
void readQ5_0(const uint8_t *from, CodedBlock *to) {
  to->d = half(from);
  nibbles(from + 6, to->codes);
  fifthBits(from + 2, to->codes);
}
void readQ5_1(const uint8_t *from, CodedBlock *to) {
  to->d = half(from);
  to->m = half(from + 2);
  nibbles(from + 8, to->codes);
  fifthBits(from + 4, to->codes);
}
void readQ8_0(const uint8_t *from, CodedBlock *to) {
  to->d = half(from);
  for (int j = 0; j < 32; j++) to->codes[j] = from[2 + j] ^ 0x80;
}

/** 64 bytes hold 256 codes of 2 bits: in each half, four runs of 32 codes lie one above the other. */
void crumbs(const uint8_t *from, uint8_t *codes) {
  for (int h = 0; h < 2; h++)
    for (int t = 0; t < 4; t++)
      for (int l = 0; l < 32; l++) codes[128 * h + 32 * t + l] = from[32 * h + l] >> 2 * t & 3;
}

void readQ2_K(const uint8_t *from, CodedBlock *to) {
  for (int g = 0; g < 16; g++) {
    to->scales[g] = static_cast<int8_t>(from[g] & 15);
    to->mins[g] = static_cast<int8_t>(from[g] >> 4);
  }
  crumbs(from + 16, to->codes);
  to->d = half(from + 80);
  to->m = minus(half(from + 82));
}

void readQ3_K(const uint8_t *from, CodedBlock *to) {
  const uint8_t *mask = from, *scales = from + 96;
  crumbs(from + 32, to->codes);
  for (int t = 0; t < 8; t++)
    for (int l = 0; l < 32; l++) to->codes[32 * t + l] = static_cast<uint8_t>(to->codes[32 * t + l] | (mask[l] >> t & 1) << 2);
  for (int g = 0; g < 16; g++) {
    const int low = g < 8 ? scales[g] & 15 : scales[g - 8] >> 4, high = scales[8 + g % 4] >> 2 * (g / 4) & 3;
    to->scales[g] = static_cast<int8_t>((low | high << 4) - 32);
  }
  to->d = half(from + 108);
}

/** d, m, and the 6-bit scales and mins of Q4_K and Q5_K. */
void readScalesAndMins(const uint8_t *from, CodedBlock *to) {
  const uint8_t *s = from + 4;
  to->d = half(from);
  to->m = minus(half(from + 2));
  for (int g = 0; g < 8; g++) {
    to->scales[g] = static_cast<int8_t>(g < 4 ? s[g] & 63 : (s[g + 4] & 15) | s[g - 4] >> 6 << 4);
    to->mins[g] = static_cast<int8_t>(g < 4 ? s[g + 4] & 63 : s[g + 4] >> 4 | s[g] >> 6 << 4);
  }
}

/** 128 bytes hold 256 codes: runs of 32 bytes, of each first the low halves and then the high ones. */
void nibblesOf32(const uint8_t *from, uint8_t *codes) {
  for (int run = 0; run < 4; run++)
    for (int l = 0; l < 32; l++) {
      codes[64 * run + l] = from[32 * run + l] & 15;
      codes[64 * run + 32 + l] = from[32 * run + l] >> 4;
    }
}

void readQ4_K(const uint8_t *from, CodedBlock *to) {
  readScalesAndMins(from, to);
  nibblesOf32(from + 16, to->codes);
}
void readQ5_K(const uint8_t *from, CodedBlock *to) {
  readScalesAndMins(from, to);
  nibblesOf32(from + 48, to->codes);
  for (int g = 0; g < 8; g++)
    for (int l = 0; l < 32; l++) to->codes[32 * g + l] = static_cast<uint8_t>(to->codes[32 * g + l] | (from[16 + l] >> g & 1) << 4);
}

void readQ6_K(const uint8_t *from, CodedBlock *to) {
  for (int h = 0; h < 2; h++)
    for (int t = 0; t < 4; t++)
      for (int l = 0; l < 32; l++) {
        const uint8_t low = from[64 * h + 32 * (t & 1) + l], high = from[128 + 32 * h + l];
        to->codes[128 * h + 32 * t + l] = static_cast<uint8_t>((t < 2 ? low & 15 : low >> 4) | (high >> 2 * t & 3) << 4);
      }
  memcpy(to->scales, from + 192, 16);
  to->d = half(from + 208);
}

void readIQ4_XS(const uint8_t *from, CodedBlock *to) {
  const uint16_t high = half(from + 2);
  to->d = half(from);
  for (int g = 0; g < 8; g++) {
    to->scales[g] = static_cast<int8_t>(((from[4 + g / 2] >> 4 * (g % 2) & 15) | (high >> 2 * g & 3) << 4) - 32);
    nibbles(from + 8 + 16 * g, to->codes + 32 * g);
  }
}

/** Digit n of a byte that holds five of base 3, as a fraction. */
uint8_t trit(uint8_t x, int n) {
  constexpr uint8_t powers[5] = {1, 3, 9, 27, 81};
  return static_cast<uint8_t>(static_cast<uint8_t>(x * powers[n]) * 3 >> 8);
}

void readTQ1_0(const uint8_t *from, CodedBlock *to) {
  for (int i = 0; i < 160; i++) to->codes[i] = trit(from[i % 32], i / 32);
  for (int i = 0; i < 80; i++) to->codes[160 + i] = trit(from[32 + i % 16], i / 16);
  for (int i = 0; i < 16; i++) to->codes[240 + i] = trit(from[48 + i % 4], i / 4);
  to->d = half(from + 52);
}
void readTQ2_0(const uint8_t *from, CodedBlock *to) {
  crumbs(from, to->codes);
  to->d = half(from + 64);
}
void readI2_S(const uint8_t *from, CodedBlock *to) {
  for (int i = 0; i < 128; i++) to->codes[i] = from[i % 32] >> (6 - 2 * (i / 32)) & 3;
  to->d = kOne;
}

const FormShape kShapes[DL_FORMS] = {
#define CODED(name, bits, offset, table, block, group, mins, d) {bits, offset, table, block, group, mins, d, 0},
#define FLOATS(name, bytes) {0, 0, 0, DL_UNIT, DL_UNIT, 0, 0, bytes},
    DL_CODED_FORMS(CODED) DL_FLOAT_FORMS(FLOATS)
#undef CODED
#undef FLOATS
};

const TensorType kTypes[] = {
    {0, "F32", dl_form_f32, 1, 4, nullptr, false},
    {1, "F16", dl_form_f16, 1, 2, nullptr, false},
    {2, "Q4_0", dl_form_q4_0, 32, 18, readQ4_0, false},
    {3, "Q4_1", dl_form_q4_1, 32, 20, readQ4_1, false},
    {6, "Q5_0", dl_form_q5_0, 32, 22, readQ5_0, false},
    {7, "Q5_1", dl_form_q5_1, 32, 24, readQ5_1, false},
    {8, "Q8_0", dl_form_q8_0, 32, 34, readQ8_0, false},
    {10, "Q2_K", dl_form_q2_k, 256, 84, readQ2_K, false},
    {11, "Q3_K", dl_form_q3_k, 256, 110, readQ3_K, false},
    {12, "Q4_K", dl_form_q4_k, 256, 144, readQ4_K, false},
    {13, "Q5_K", dl_form_q5_k, 256, 176, readQ5_K, false},
    {14, "Q6_K", dl_form_q6_k, 256, 210, readQ6_K, false},
    {20, "IQ4_NL", dl_form_iq4_nl, 32, 18, readQ4_0, false},
    {23, "IQ4_XS", dl_form_iq4_xs, 256, 136, readIQ4_XS, false},
    {30, "BF16", dl_form_bf16, 1, 2, nullptr, false},
    {34, "TQ1_0", dl_form_ternary, 256, 54, readTQ1_0, false},
    {35, "TQ2_0", dl_form_ternary, 256, 66, readTQ2_0, false},
    {36, "I2_S", dl_form_trits, 128, 32, readI2_S, true},
    {-1, nullptr, 0, 0, 0, nullptr, false},
};

}  // namespace

int FormShape::blockBytes() const {
  if (bytes) return DL_UNIT * DL_TILE_ROWS * bytes;
  return 32 * (d + mins) + (groups() > 1 ? 16 * groups() * (1 + mins) : 0) + block / DL_UNIT * 64 * bits;
}

const FormShape &shapeOf(int form) { return kShapes[form]; }

const TensorType *tensorTypes() { return kTypes; }

const TensorType *tensorType(int id) {
  for (const TensorType *type = kTypes; type->name; type++)
    if (type->id == id) return type;
  return nullptr;
}

void readCoded(const TensorType &type, const uint8_t *row, int column, int columns, CodedBlock *to) {
  const FormShape &shape = shapeOf(type.form);
  const uint8_t *from = row + column / type.block * type.bytes;
  type.read(from, to);
  if (type.block >= shape.block) return;
  CodedBlock more;
  for (int i = type.block; i < shape.block; i += type.block) {
    if (column + i < columns) {
      type.read(from + i / type.block * type.bytes, &more);
      memcpy(to->codes + i, more.codes, type.block);
    } else {
      memset(to->codes + i, shape.offset, type.block);
    }
  }
}

void decodeRows(const TensorType &type, const uint8_t *from, int rows, int columns, float factor, float *to) {
  const FormShape &shape = shapeOf(type.form);
  for (int r = 0; r < rows; r++, from += static_cast<size_t>(columns) / type.block * type.bytes)
    for (int k = 0; k < columns;) {
      if (!type.read) {
        float x;
        uint32_t bits;
        if (type.bytes == 4) memcpy(&x, from + 4 * k, 4);
        else if (type.form == dl_form_f16) x = halfToFloat(half(from + 2 * k));
        else bits = static_cast<uint32_t>(half(from + 2 * k)) << 16, memcpy(&x, &bits, 4);
        *to++ = factor * x;
        k++;
        continue;
      }
      CodedBlock block;
      readCoded(type, from, k, columns, &block);
      const float d = halfToFloat(block.d), m = shape.mins ? halfToFloat(block.m) : 0.0f;
      const bool scaled = shape.groups() > 1;
      for (int i = 0; i < shape.block && k < columns; i++, k++) {
        const int g = i / shape.group, value = (shape.table ? dl_table[block.codes[i]] : block.codes[i]) - shape.offset;
        float x = (scaled ? d * block.scales[g] : d) * value;
        if (shape.mins) x += scaled ? m * block.mins[g] : m;
        *to++ = factor * x;
      }
    }
}

}  // namespace deltallm
