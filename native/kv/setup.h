// What a store was created with, as plain data; StoreConfig of src/binding/addon.ts after validation.
#pragma once
#include <stdint.h>

#include "kv/memory.h"

namespace deltallm {

constexpr int kBlockTokens = 64;
constexpr int kMaxLength = 256;       // elements of a key or value: registers and scratch are sized by it
constexpr int kMaxLayers = 512;       // no real model has more
constexpr int kMaxHeads = 1024;       // no real model has more
constexpr int kOriginSpan = 1024;     // tokens whose keys are turned back by the same origin, with a basis
constexpr int kMaxPosition = 1 << 20; // tokens; keeps angles within what rope.cc reduces exactly

struct LayerSetup {
  float scale = 1;
  float softcap = 0;      // 0: none
  int slidingWindow = 0;  // tokens, 0: all
  int pairs = 0;          // rotated pairs: channels (i, i + pairs)
  int ropeGroup = 0;      // the first layer with the same frequencies and rope scale
  double ropeScale = 1;
  Array<double> inverseFrequencies;  // [pairs], radians per position
  Array<float> threshold;            // [kvHeads, keyLength], mode delta only
  Array<float> step;                 // [kvHeads, keyLength], mode delta only
  // Of a basis (kv/basis.h); empty: keys are coded as they are.
  Array<double> forward;     // [kvHeads, keyLength, keyLength] Aᵀ
  Array<double> inverse;     // [kvHeads, keyLength, keyLength] A⁻¹
  Array<float> queryTiles;   // [kvHeads, tiles, keyLength, 64] A⁻¹ with the steps multiplied in, 64 of its columns a tile
  Array<float> importance;   // [kvHeads, 2·keyLength + 2], or empty
};

struct Setup {
  bool delta = false;  // mode
  bool mean = false;   // reference
  bool basis = false;  // all layers have one
  int layers = 0;
  int heads = 0;
  int kvHeads = 0;
  int group = 0;        // heads / kvHeads
  int keyLength = 0;    // D
  int valueLength = 0;  // Dv
  int valueWidth = 0;   // Dv padded to a multiple of 16: the stride of values in memory
  int sinks = 0;
  double windowMin = 0, windowMax = 0, windowDivisor = 1;
  Objects<LayerSetup> layer;  // [layers]

  Setup() = default;
  Setup(const Setup &) = delete;
  Setup &operator=(const Setup &) = delete;

  /** Bytes of one stored element of the exact form. */
  int exactElement() const { return delta ? 2 : 4; }
};

}  // namespace deltallm
