// First the best, run by run: only a run with a logit above the worst of them is looked at one by one. Then, with the largest known, the sum.
#include "products/logits.h"

#include <math.h>
#include <string.h>

namespace deltallm {
namespace {

constexpr int kRun = 256;
constexpr int kLanes = 8;          // sums side by side: none waits for the one before
constexpr float kNegligible = -80; // e^-80 · 2^22 tokens changes no digit

/** e^x for −80 ≤ x ≤ 0, to 2e-7: x = n·ln 2 + r, a polynomial in r (Cephes expf). */
inline float exponential(float x) {
  const float shifted = x * 1.44269504088896341f + 12582912.0f, n = shifted - 12582912.0f;  // 1.5·2^23: rounds to a whole number
  const float r = x - n * 0.693359375f - n * -2.12194440e-4f;
  float y = 1.9875691500e-4f;
  y = y * r + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  memcpy(&power, &bits, 4);
  return y * power;
}

/** The best so far, as a heap with the worst on top. */
struct Heap {
  const float *logits;
  int most, count;
  int32_t *ids;

  bool worse(int a, int b) const { return logits[a] < logits[b] || (logits[a] == logits[b] && a > b); }
  /** What a logit must exceed to come in: ids ascend, so a later equal is worse. */
  float floor() const { return count == most ? logits[ids[0]] : -INFINITY; }

  void sink(int i, int size) {
    for (int child = 2 * i + 1; child < size; i = child, child = 2 * i + 1) {
      if (child + 1 < size && worse(ids[child + 1], ids[child])) child++;
      if (!worse(ids[child], ids[i])) return;
      const int32_t id = ids[i];
      ids[i] = ids[child];
      ids[child] = id;
    }
  }

  void add(int id) {
    if (count == most) {
      ids[0] = id;
      return sink(0, count);
    }
    int i = count++;
    for (; i > 0 && worse(id, ids[(i - 1) / 2]); i = (i - 1) / 2) ids[i] = ids[(i - 1) / 2];
    ids[i] = id;
  }

  /** Best first. */
  void sort() {
    for (int size = count - 1; size > 0; size--) {
      const int32_t id = ids[0];
      ids[0] = ids[size];
      ids[size] = id;
      sink(0, size);
    }
  }
};

bool anyAbove(const float *x, int n, float floor) {
  int found = 0;
  for (int i = 0; i < n; i++) found |= x[i] > floor;
  return found;
}

double sumOf(const float *x, int n, float top) {
  double sum = 0;
  for (int first = 0; first < n; first += kRun) {
    float lanes[kLanes] = {0};
    for (int i = first; i < n && i < first + kRun; i++) {
      const float distance = x[i] - top;
      if (distance > kNegligible) lanes[i % kLanes] += exponential(distance);  // NaN is not
    }
    for (float lane : lanes) sum += lane;
  }
  return sum;
}

}  // namespace

BestLogits bestLogits(const float *logits, int n, int most, int32_t *ids) {
  Heap heap = {logits, most, 0, ids};
  for (int first = 0; first < n; first += kRun) {
    const int length = n - first < kRun ? n - first : kRun;
    if (!anyAbove(logits + first, length, heap.floor())) continue;
    for (int id = first; id < first + length; id++)
      if (logits[id] > heap.floor()) heap.add(id);
  }
  heap.sort();
  if (heap.count == 0) return {};
  const float top = logits[ids[0]];
  if (top < INFINITY) return {heap.count, top, sumOf(logits, n, top)};
  double infinities = 0;
  for (int i = 0; i < n; i++) infinities += logits[i] == INFINITY;
  return {heap.count, top, infinities};
}

}  // namespace deltallm
