// MXCSR on x86-64 (SSE is part of the base architecture), FPCR on arm64, nothing elsewhere.
#include "dispatch/denormals.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace deltallm {

#if defined(__x86_64__) || defined(_M_X64)
FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr((unsigned)saved_ | 0x8040); }
FlushDenormals::~FlushDenormals() { _mm_setcsr((unsigned)saved_); }
#elif defined(__aarch64__)
FlushDenormals::FlushDenormals() {
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved_));
  __asm__ volatile("msr fpcr, %0" : : "r"(saved_ | (1ull << 24)));
}
FlushDenormals::~FlushDenormals() { __asm__ volatile("msr fpcr, %0" : : "r"(saved_)); }
#else
FlushDenormals::FlushDenormals() : saved_(0) {}
FlushDenormals::~FlushDenormals() { (void)saved_; }
#endif

}  // namespace deltallm
