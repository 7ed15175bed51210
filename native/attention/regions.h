// Which entries a query reads exactly: whole blocks, a function of positions only, never of phase or chunking.
#pragma once
#include "kv/setup.h"

namespace deltallm {

/** w(b): blocks of exact keys before a query's own block b; grows with the context, then stays. */
inline int windowBlocks(const Setup &setup, int b) {
  const double q = b / setup.windowDivisor;
  double w = static_cast<double>(static_cast<long long>(q));
  if (w < q) w += 1;
  w = w < setup.windowMin ? setup.windowMin : w;
  w = w > setup.windowMax ? setup.windowMax : w;
  return w > kMaxPosition ? kMaxPosition : static_cast<int>(w);
}

/** Whether an entry whose first token is placed in block `entry` is read exactly by a query in block b. */
inline bool isNear(const Setup &setup, int entry, int b) { return entry >= b - windowBlocks(setup, b); }

}  // namespace deltallm
