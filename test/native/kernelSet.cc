// One kernel set against double precision, without Node: for sets whose CPU is only emulated here. The build names it: -DSET=dl_kernels_neon.
// Prints one line for each check that fails, then "N checks, N failed"; the exit code is 0 when none did.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>

#include "kernels/kernels.h"

#ifdef SHORT_CHAIN /* the control: values without their last token must be noticed */
static dl_kernels shortened() {
  dl_kernels changed = SET;
  changed.values_f32 = [](const float *v, int w, int t, const float *p, int r, const float *a, float *to) { SET.values_f32(v, w, t - 1, p, r, a, to); };
  return changed;
}
static const dl_kernels set = shortened();
#else
static const dl_kernels &set = SET;
#endif
static int checks = 0, failures = 0;

/* Memory that is asked for and that nobody may read: the first page is never there. */
static const dl_ahead unreadable = {(const char *)8, (const char *)8 + 3000};

static uint32_t state = 1;
static double uniform() {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state / 4294967296.0 * 2 - 1;
}

static void expect(bool held, const char *what, int D, int rows, double value) {
  checks++;
  if (held) return;
  failures++;
  printf("%s (D %d, rows %d): %g\n", what, D, rows, value);
}

/* Room for anything, placed `shift` bytes off alignment. */
template <class T>
struct Buffer {
  unsigned char *memory;
  T *data;
  Buffer(size_t count, int shift) : memory((unsigned char *)calloc(count + 64, sizeof(T))), data((T *)(memory + shift)) {}
  ~Buffer() { free(memory); }
  T &operator[](size_t i) const { return data[i]; }
};

static double from_half(uint16_t h) {
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  const double size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
  return h >> 15 ? -size : size;
}
static uint16_t some_half() { return (uint16_t)(((uint32_t)(uniform() * 32768 + 32768) & 0x83ff) | (uint32_t)(uniform() * 8 + 8) << 10); }

struct DeltaTile {
  Buffer<uint64_t> masks;
  Buffer<int8_t> packed;
  Buffer<int16_t> frame;
  Buffer<int> steps; /* [D][64], expanded */
  dl_delta_keys view;
  DeltaTile(int D, double density, int spread) : masks(D, 0), packed(D * 64 + 64, 3), frame(D + 1, 2), steps(D * 64, 0) {
    size_t n = 0;
    for (int d = 0; d < D; d++) {
      frame[d] = (int16_t)(density == 1 ? (d % 3 ? 32767 : -32768) : uniform() * 32767);
      uint64_t mask = 0;
      for (int t = 0; t < 64; t++) {
        int step = 0;
        if (uniform() * 0.5 + 0.5 < density) {
          step = (int)(uniform() * 127.99);
          mask |= 1ull << t;
          packed[n++] = (int8_t)step;
        }
        steps[d * 64 + t] = step;
      }
      masks[d] = mask;
    }
    view = {masks.data, packed.data, frame.data, spread};
  }
};

/* What a score may differ by: float32 rounding of a chain of D products. */
static double score_bound(int D, const float *q, const double *keys, int t) {
  double size = 0;
  for (int d = 0; d < D; d++) size += fabs(q[d] * keys[d * 64 + t]);
  return 1e-6 * size + 1e-30;
}

static void compare_scores(const char *what, int D, int rows, const float *q, const double *keys, const float *scores) {
  double worst = 0;
  for (int r = 0; r < rows; r++)
    for (int t = 0; t < 64; t++) {
      double sum = 0;
      for (int d = 0; d < D; d++) sum += (double)q[r * D + d] * keys[d * 64 + t];
      const double ratio = fabs(scores[r * 64 + t] - sum) / score_bound(D, q + r * D, keys, t);
      if (!(ratio <= worst)) worst = ratio;
    }
  expect(worst <= 1, what, D, rows, worst);
}

/* Whole numbers of a row, and what one of them is worth. */
struct Rounded {
  Buffer<int16_t> whole;
  Buffer<float> unit;
  Rounded(const float *x, int n, int rows) : whole(rows * DL_EVEN(n), 2), unit(rows, 4) { set.round16(x, n, rows, whole.data, unit.data); }
};

static double dot(const int16_t *q, const int16_t *key, int D) {
  double sum = 0;
  for (int d = 0; d < D; d++) sum += (double)q[d] * key[d];
  return sum;
}

static void check_rounding(int n, int rows) {
  Buffer<float> x(rows * n, 4);
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < n; i++) x[r * n + i] = (float)(uniform() * pow(10, r % 5 * 12 - 24));
  const int last = rows - 1;
  if (rows > 3) x[3 * n + n / 2] = rows % 2 ? NAN : -INFINITY;
  if (rows > 2) memset(x.data + 2 * n, 0, sizeof(float) * n);
  const Rounded rounded(x.data, n, rows), alone(x.data + last * n, n, 1);
  int wrong = 0;
  for (int r = 0; r < rows; r++) {
    float most = 0;
    for (int i = 0; i < n; i++) most = fmaxf(most, fabsf(x[r * n + i]));
    if (rows > 3 && r == 3) {
      wrong += !isnan(rounded.unit[r]);
      continue;
    }
    wrong += rounded.unit[r] != (most < 1e-30f ? 0 : most / 32767);
    const float inverse = most < 1e-30f ? 0 : 32767 / most;
    for (int i = 0; i < n; i++) wrong += rounded.whole[r * DL_EVEN(n) + i] != (int)rintf(x[r * n + i] * inverse);
    if (n & 1) wrong += rounded.whole[r * DL_EVEN(n) + n] != 0;
  }
  expect(!wrong, "round16", n, rows, wrong);
  if (rows != 4) expect(rounded.unit[last] == alone.unit[0] && !memcmp(rounded.whole.data + last * DL_EVEN(n), alone.whole.data, sizeof(int16_t) * n), "round16 of a row alone", n, rows, 0);
}

static void check_scores(int D, int rows) {
  Buffer<float> q(rows * D, 4), scores(rows * 64, 4), alone(64, 0), exact(D * 64, 4), expanded(D * 64, 4);
  const int even = DL_EVEN(D);
  Buffer<uint16_t> halves(D * 64, 2);
  Buffer<double> keys(D * 64, 0), half_keys(D * 64, 0);
  for (int i = 0; i < rows * D; i++) q[i] = (float)uniform();
  for (int i = 0; i < D * 64; i++) {
    keys[i] = exact[i] = (float)(3 * uniform());
    half_keys[i] = from_half(halves[i] = some_half());
  }
  const auto same_alone = [&](const char *what) { expect(!memcmp(alone.data, scores.data + (rows - 1) * 64, 256), what, D, rows, 0); };
  const float *last = q.data + (rows - 1) * D;
  set.scores_f32(exact.data, D, q.data, rows, scores.data);
  compare_scores("scores_f32", D, rows, q.data, keys.data, scores.data);
  set.scores_f32(exact.data, D, last, 1, alone.data);
  same_alone("scores_f32 of a row alone");
  set.scores_f16(halves.data, D, q.data, rows, scores.data);
  compare_scores("scores_f16", D, rows, q.data, half_keys.data, scores.data);
  set.scores_f16(halves.data, D, last, 1, alone.data);
  same_alone("scores_f16 of a row alone");
  set.expand_f16(halves.data, D * 64, expanded.data);
  int wrong = 0;
  for (int i = 0; i < D * 64; i++) wrong += expanded[i] != half_keys[i];
  expect(!wrong, "expand_f16", D, rows, wrong);
  const double densities[] = {0, 0.35, 1};
  for (int i = 0; i < 6; i++) {
    const DeltaTile tile(D, densities[i / 2], i & 1);
    const Rounded whole(q.data, D, rows);
    dl_ahead ahead = unreadable;
    set.scores_delta(&tile.view, D, whole.whole.data, whole.unit.data, rows, scores.data, &ahead);
    wrong = 0;
    for (int r = 0; r < rows; r++) {
      const float frame = (float)dot(whole.whole.data + r * even, tile.frame.data, D) * whole.unit[r];
      for (int t = 0; t < 64; t++) {
        double sum = 0;
        for (int d = 0; d < D; d++) sum += (double)whole.whole[r * even + d] * tile.steps[d * 64 + t];
        const float expected = (float)sum * whole.unit[r] + ((i & 1) || t == 0 ? frame : 0);
        wrong += scores[r * 64 + t] != expected;
      }
    }
    expect(!wrong, "scores_delta", D, rows, wrong);
    set.scores_delta(&tile.view, D, whole.whole.data + (rows - 1) * even, whole.unit.data + rows - 1, 1, alone.data, &ahead);
    same_alone("scores_delta of a row alone");
    set.score_i16(tile.frame.data, D, whole.whole.data, whole.unit.data, rows, scores.data + 5);
    wrong = 0;
    for (int r = 0; r < rows; r++) wrong += scores[r * 64 + 5] != (float)dot(whole.whole.data + r * even, tile.frame.data, D) * whole.unit[r];
    expect(!wrong, "score_i16", D, rows, wrong);
  }
  Buffer<float> running(rows * 64, 4);
  memcpy(running.data, scores.data, rows * 256);
  set.scan(running.data, rows);
  double worst = 0;
  for (int r = 0; r < rows; r++) {
    double sum = 0, size = 0;
    for (int t = 0; t < 64; t++) {
      sum += scores[r * 64 + t];
      size += fabs(scores[r * 64 + t]);
      worst = fmax(worst, fabs(running[r * 64 + t] - sum) / (4e-6 * size + 1e-30));
    }
  }
  expect(worst <= 1, "scan", D, rows, worst);
}

/* The softmax of copies, its weights in whole numbers. */
struct Weighed {
  int rows, kept;
  Buffer<float> scores, maximum, sum, alpha, unit;
  Buffer<int16_t> weights;
  Weighed(const float *given, const uint64_t *mask, const float *before, const float *had, int rows, float softcap, const uint16_t *scales)
      : rows(rows), scores(rows * 64, 4), maximum(rows, 4), sum(rows, 4), alpha(rows, 4), unit(rows, 4), weights(rows * 64, 2) {
    memcpy(scores.data, given, sizeof(float) * 64 * rows);
    memcpy(maximum.data, before, sizeof(float) * rows);
    memcpy(sum.data, had, sizeof(float) * rows);
    kept = set.softmax(scores.data, rows, mask, 0.5f, softcap, scales, weights.data, unit.data, maximum.data, sum.data, alpha.data);
  }
  bool is(const float *most, const float *all, const float *faded) const {
    const size_t size = sizeof(float) * rows;
    return !memcmp(maximum.data, most, size) && !memcmp(sum.data, all, size) && !memcmp(alpha.data, faded, size);
  }
};

static void check_softmax(int rows, uint64_t lanes, float softcap, bool scaled) {
  Buffer<float> scores(rows * 64, 4), given(rows * 64, 0), maximum(rows, 4), sum(rows, 4), alpha(rows, 4);
  Buffer<uint64_t> mask(rows, 0);
  Buffer<uint16_t> scales(64, 2);
  for (int t = 0; t < 64; t++) scales[t] = 0x2000 + (uint16_t)(uniform() * 500 + 500);
  for (int r = 0; r < rows; r++) {
    mask[r] = r % 7 == 6 ? lanes & 0xa5a5a5a5a5a5a5a5ull : lanes;
    maximum[r] = r % 3 ? (float)(4 * uniform()) : DL_NO_SCORE;
    sum[r] = r % 3 ? 2.0f : 0.0f;
    for (int t = 0; t < 64; t++) given[r * 64 + t] = scores[r * 64 + t] = (float)(r % 5 == 4 ? uniform() - 400 : 20 * uniform());
    if (r == 1) given[r * 64 + 7] = scores[r * 64 + 7] = NAN;
  }
  Weighed alone(given.data + (rows - 1) * 64, mask.data + rows - 1, maximum.data + rows - 1, sum.data + rows - 1, 1, softcap, scaled ? scales.data : nullptr);
  Weighed whole(given.data, mask.data, maximum.data, sum.data, rows, softcap, scaled ? scales.data : nullptr);
  Buffer<double> before(rows, 0), had(rows, 0);
  for (int r = 0; r < rows; r++) {
    before[r] = maximum[r];
    had[r] = sum[r];
  }
  const int kept = set.softmax(scores.data, rows, mask.data, 0.5f, softcap, scaled ? scales.data : nullptr, nullptr, nullptr, maximum.data, sum.data, alpha.data);
  const Rounded rounded(scores.data, 64, rows);
  expect(!memcmp(whole.weights.data, rounded.whole.data, sizeof(int16_t) * 64 * rows) && !memcmp(whole.unit.data, rounded.unit.data, sizeof(float) * rows), "softmax in whole numbers", 64, rows, softcap);
  expect(whole.kept == kept && whole.is(maximum.data, sum.data, alpha.data), "what softmax in whole numbers carries on", 64, rows, whole.kept);
  expect(!memcmp(alone.weights.data, whole.weights.data + (rows - 1) * 64, sizeof(int16_t) * 64) && alone.is(maximum.data + rows - 1, sum.data + rows - 1, alpha.data + rows - 1), "softmax of a row alone", 64, rows, 0);
  int expected_kept = 0;
  double worst = 0;
  for (int r = 0; r < rows; r++) {
    double x[64], tile = DL_NO_SCORE, added = 0;
    for (int t = 0; t < 64; t++) {
      x[t] = 0.5 * given[r * 64 + t];
      if (!(x[t] > DL_NO_SCORE)) x[t] = DL_NO_SCORE; /* NaN too */
      if (softcap > 0) x[t] = softcap * tanh(x[t] / softcap);
      if (mask[r] >> t & 1 && x[t] > tile) tile = x[t];
    }
    if (tile < before[r] - DL_SKIP) {
      for (int t = 0; t < 64; t++) worst = fmax(worst, fabs(scores[r * 64 + t]) * 1e9);
      expect(alpha[r] == 1 && maximum[r] == before[r] && sum[r] == had[r], "softmax of a tile that weighs nothing", 64, rows, alpha[r]);
      continue;
    }
    expected_kept++;
    const double highest = tile > before[r] ? tile : before[r];
    for (int t = 0; t < 64; t++) {
      double weight = mask[r] >> t & 1 ? exp(x[t] - highest) : 0;
      added += weight;
      if (scaled) weight *= from_half(scales[t]);
      worst = fmax(worst, fabs(scores[r * 64 + t] - weight) / (4e-6 * (scaled ? from_half(scales[t]) : 1)));
    }
    const double factor = exp(before[r] - highest);
    worst = fmax(worst, fabs(alpha[r] - factor) / 4e-6);
    worst = fmax(worst, fabs(sum[r] - (had[r] * factor + added)) / (4e-6 * (had[r] + added + 1)));
    expect(isfinite(sum[r]), "softmax stays finite", 64, rows, sum[r]);
  }
  expect(kept == expected_kept, "rows that softmax kept", 64, rows, kept);
  expect(worst <= 1, "softmax", 64, rows, worst);
}

template <class T, class Mix>
static void check_values(const char *what, int width, int tokens, int rows, T (*some)(), double (*read)(T), Mix mix) {
  Buffer<T> values(64 * width, sizeof(T));
  Buffer<float> p(rows * 64, 4), alpha(rows, 4), acc(rows * width, 4), alone(width, 0);
  for (int i = 0; i < 64 * width; i++) values[i] = some();
  for (int i = 0; i < rows * 64; i++) p[i] = (float)fabs(uniform());
  for (int r = 0; r < rows; r++) alpha[r] = (float)fabs(uniform());
  Buffer<double> expected(rows * width, 0), size(rows * width, 0);
  for (int i = 0; i < rows * width; i++) {
    acc[i] = (float)uniform();
    expected[i] = (double)acc[i] * alpha[i / width];
    size[i] = 1;
    for (int t = 0; t < tokens; t++) {
      const double product = p[i / width * 64 + t] * read(values[t * width + i % width]);
      expected[i] += product;
      size[i] += fabs(product);
    }
  }
  memcpy(alone.data, acc.data + (rows - 1) * width, sizeof(float) * width);
  mix(values.data, width, tokens, p.data + (rows - 1) * 64, 1, alpha.data + rows - 1, alone.data);
  mix(values.data, width, tokens, p.data, rows, alpha.data, acc.data);
  double worst = 0;
  for (int i = 0; i < rows * width; i++) worst = fmax(worst, fabs(acc[i] - expected[i]) / (1e-6 * size[i]));
  expect(worst <= 1, what, width, rows, worst);
  expect(!memcmp(alone.data, acc.data + (rows - 1) * width, sizeof(float) * width), "values of a row alone", width, rows, 0);
}

static float some_float() { return (float)uniform(); }
static double read_float(float x) { return x; }

/* Weights and values as whole numbers, at their largest too. */
static void check_whole_values(int width, int tokens, int rows) {
  Buffer<int8_t> values(64 * width, 1);
  Buffer<float> p(rows * 64, 4), alpha(rows, 4), acc(rows * width, 4), alone(width, 0);
  for (int i = 0; i < 64 * width; i++) values[i] = (int8_t)(rows % 2 ? uniform() * 127.99 : uniform() < 0 ? -127 : 127);
  for (int r = 0; r < rows; r++)
    for (int t = 0; t < tokens; t++) p[r * 64 + t] = r % 3 == 2 ? 1 : (float)fabs(uniform());
  for (int r = 0; r < rows; r++) alpha[r] = (float)fabs(uniform());
  const Rounded whole(p.data, 64, rows);
  Buffer<float> expected(rows * width, 0);
  for (int i = 0; i < rows * width; i++) {
    acc[i] = (float)uniform();
    double sum = 0;
    for (int t = 0; t < tokens; t++) sum += (double)whole.whole[i / width * 64 + t] * values[t * width + i % width];
    const float product = (float)sum * whole.unit[i / width];
    expected[i] = acc[i] * alpha[i / width] + product;
  }
  memcpy(alone.data, acc.data + (rows - 1) * width, sizeof(float) * width);
  dl_ahead ahead = unreadable;
  set.values_i8(values.data, width, tokens, whole.whole.data + (rows - 1) * 64, whole.unit.data + rows - 1, 1, alpha.data + rows - 1, alone.data, &ahead);
  set.values_i8(values.data, width, tokens, whole.whole.data, whole.unit.data, rows, alpha.data, acc.data, &ahead);
  int wrong = 0;
  for (int i = 0; i < rows * width; i++) wrong += acc[i] != expected[i];
  expect(!wrong, "values_i8", width, rows, wrong);
  expect(!memcmp(alone.data, acc.data + (rows - 1) * width, sizeof(float) * width), "values_i8 of a row alone", width, rows, 0);
}

/* The float16 that lies nearest, the even one of two; the largest beyond it. */
static uint16_t nearest_half(float x) {
  const double size = fabs((double)x);
  int low = 0, high = 0x7bff;
  if (size >= from_half((uint16_t)high)) low = high;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (from_half((uint16_t)middle) <= size ? low : high) = middle;
  }
  const double below = size - from_half((uint16_t)low), above = from_half((uint16_t)high) - size;
  const int nearest = low == high || below < above || (below == above && low % 2 == 0) ? low : high;
  return (uint16_t)(nearest | (signbit(x) ? 0x8000 : 0));
}

static void check_narrowing(int n) {
  Buffer<float> x(n, 0);
  Buffer<uint16_t> halves(n, 0);
  const float special[] = {0.0f, -0.0f, 1e-45f, -1e-38f, 65504, 65519.99f, 65520, -65536, 3.4e38f, 5.9604645e-8f, 2.9802322e-8f, 8.940697e-8f, 6.1035156e-5f, 6.1005354e-5f};
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < n; i++) {
      const uint16_t half = some_half();
      const int kind = (i + round) % 4;
      if (kind == 0) x[i] = special[(i + 5 * round) % (sizeof special / sizeof *special)];
      else if (kind == 1) x[i] = (float)(from_half(half) + from_half((uint16_t)(half + 1))) / 2; /* between two */
      else x[i] = (float)(uniform() * pow(10, (i + round) % 16 - 10));
    }
    set.narrow_f16(x.data, n, halves.data);
    int wrong = 0;
    for (int i = 0; i < n; i++) wrong += halves[i] != nearest_half(x[i]);
    expect(!wrong, "narrow_f16", n, 1, wrong);
  }
}

static void check_merge(int width) {
  Buffer<float> total(width, 4), part(width, 4);
  Buffer<double> expected(width, 0);
  float maximum = (float)uniform(), sum = 3;
  const float part_max = (float)(3 * uniform()), part_sum = 2;
  const double highest = fmax(maximum, part_max), a = exp(maximum - highest), b = exp(part_max - highest);
  for (int i = 0; i < width; i++) {
    total[i] = (float)uniform();
    part[i] = (float)uniform();
    expected[i] = total[i] * a + part[i] * b;
  }
  set.merge(&maximum, &sum, total.data, part_max, part_sum, part.data, width);
  double worst = fabs(sum - (3 * a + 2 * b)) / 1e-6 / 5;
  for (int i = 0; i < width; i++) worst = fmax(worst, fabs(total[i] - expected[i]) / 1e-6);
  expect(worst <= 1, "merge", width, 1, worst);
}

int main() {
  const int rows[] = {1, 2, 3, 4, 5, 6, 7, 8, 13}, lengths[] = {1, 2, 32, 64, 80, 96, 128, 256};
  for (int n : rows) {
    for (int D : lengths) {
      check_scores(D, n);
      check_rounding(D, n);
    }
    for (int count = 1; count <= 64; count += count < 20 ? 1 : 11) check_softmax(n, count == 64 ? ~0ull : (1ull << count) - 1, count % 3 ? 0.0f : 5.0f, count % 2);
    check_softmax(n, 0xf0f0123456789abcull, 0.3f, true);
    for (int width : {16, 48, 64, 80, 128, 256})
      for (int tokens : {1, 2, 63, 64}) {
        check_values("values_f32", width, tokens, n, some_float, read_float, set.values_f32);
        check_values("values_f16", width, tokens, n, some_half, from_half, set.values_f16);
        check_whole_values(width, tokens, n);
      }
  }
  for (int width : {16, 64, 128}) check_merge(width);
  for (int n : lengths) check_narrowing(n);
  printf("%s: %d checks, %d failed\n", set.name, checks, failures);
  return failures ? 1 : 0;
}
