// Many rows as groups of as many as share what is loaded, and a last one of fewer: each size is a loop of its own, compiled for it.
#pragma once

namespace {

template <int N>
struct Rows {
  static constexpr int count = N;
};

/* each(Rows<n>(), first row) for n = MOST as often as it fits, then for the rest; MOST is 6 at most. */
template <int MOST, class Each>
static inline void in_groups(int rows, Each each) {
  int at = 0;
  for (; rows - at >= MOST; at += MOST) each(Rows<MOST>(), at);
  switch (rows - at) {
    case 5: return each(Rows<5>(), at);
    case 4: return each(Rows<4>(), at);
    case 3: return each(Rows<3>(), at);
    case 2: return each(Rows<2>(), at);
    case 1: return each(Rows<1>(), at);
  }
}

}  // namespace
