// Flush-to-zero while attention runs on a thread: denormals in the softmax tail are up to 40 times slower.
#pragma once
#include <stdint.h>

namespace deltallm {

/** Sets flush-to-zero (and denormals-are-zero) on this thread for its lifetime, then restores what was there. */
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals &) = delete;
  FlushDenormals &operator=(const FlushDenormals &) = delete;

 private:
  uint64_t saved_;
};

}  // namespace deltallm
