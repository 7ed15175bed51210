// Many rows as groups of as many as share what is loaded, and a last one of fewer: each size is a loop of its own, compiled for it.
#pragma once

namespace {

template <int N>
struct Rows {
  static constexpr int count = N;
};

/* each(Rows<n>(), first row) for n = MOST as often as it fits, then for the rest. */
template <int MOST, class Each>
static inline void in_groups(int rows, Each each, int at = 0) {
  for (; rows - at >= MOST; at += MOST) each(Rows<MOST>(), at);
  if constexpr (MOST > 1) in_groups<MOST - 1>(rows, each, at);
}

}  // namespace
