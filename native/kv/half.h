// IEEE half precision in plain integers: the same bits on every CPU.
#pragma once
#include <stdint.h>
#include <string.h>

namespace deltallm {

inline float halfToFloat(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-8f;  // 2^-24
    return sign ? -magnitude : magnitude;
  }
  const uint32_t bits = exponent == 31 ? sign | 0x7f800000u | fraction << 13 : sign | (exponent + 112) << 23 | fraction << 13;
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

/** Rounds to nearest even; finite values beyond ±65504 become ±65504, so that a finite key stays finite. */
inline uint16_t floatToHalf(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x477ff000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7bff);
  if (magnitude < 0x38800000) {  // below 2^-14: subnormal, units of 2^-24
    float y;
    memcpy(&y, &magnitude, 4);
    y += 0.5f;  // the unit of 0.5f is 2^-24: the addition rounds
    uint32_t rounded;
    memcpy(&rounded, &y, 4);
    return static_cast<uint16_t>(sign | (rounded - 0x3f000000u));
  }
  const uint32_t odd = magnitude >> 13 & 1;
  return static_cast<uint16_t>(sign | ((magnitude - (112u << 23) + 0xfff + odd) >> 13));
}

inline bool isFinite(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return (bits & 0x7f800000) != 0x7f800000;
}

}  // namespace deltallm
