// One product set against double precision, without Node: every type, one row to many, odd numbers of rows of W, hostile numbers. The build names the set:
// -DSET=dl_products_neon. Prints one line for each check that fails, then "N checks, N failed, bits XXXXXXXX": the last is a sum over the bits of all
// outputs, which every set must share. The exit code is 0 when nothing failed.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>

#include "kv/half.h"
#include "products/product.h"

using namespace deltallm;

static int checks = 0, failures = 0;
static uint32_t bits_of_all = 2166136261u;

static uint32_t state = 1;
static uint32_t random32() {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}
static double uniform() { return random32() / 4294967296.0 * 2 - 1; }

static void expect(bool held, const char *what, const TensorType &type, int K, int M, double value) {
  checks++;
  if (held) return;
  failures++;
  printf("%s: %s (K %d, M %d): %g\n", type.name, what, K, M, value);
}

/* Where the float16 numbers of a block of the file lie. */
static int halves_of(const TensorType &type, int *at) {
  const char *name = type.name;
  if (!strcmp(name, "F32") || !strcmp(name, "F16") || !strcmp(name, "BF16") || !strcmp(name, "I2_S")) return 0;
  at[0] = !strcmp(name, "Q2_K") ? 80 : !strcmp(name, "Q3_K") ? 108 : !strcmp(name, "Q6_K") ? 208 : !strcmp(name, "TQ1_0") ? 52 : !strcmp(name, "TQ2_0") ? 64 : 0;
  at[1] = at[0] + 2;
  return shapeOf(type.form).mins ? 2 : 1;
}

/* Rows of a file: random codes and scales, numbers of the size that models have. */
static uint8_t *some_rows(const TensorType &type, int rows, int K) {
  const size_t blocks = (size_t)rows * K / type.block;
  uint8_t *bytes = (uint8_t *)malloc(blocks * type.bytes);
  int at[2];
  const int halves = halves_of(type, at);
  for (size_t b = 0; b < blocks; b++) {
    uint8_t *block = bytes + b * type.bytes;
    for (int i = 0; i < type.bytes; i++) block[i] = (uint8_t)(random32() >> 13);
    for (int h = 0; h < halves; h++) {
      const uint16_t x = floatToHalf((float)(uniform() * 0.01));
      memcpy(block + at[h], &x, 2);
    }
    const float x = (float)uniform();
    const uint16_t half = floatToHalf(x);
    uint32_t whole;
    memcpy(&whole, &x, 4);
    const uint16_t upper = (uint16_t)(whole >> 16);
    if (!strcmp(type.name, "F32")) memcpy(block, &x, 4);
    if (!strcmp(type.name, "F16")) memcpy(block, &half, 2);
    if (!strcmp(type.name, "BF16")) memcpy(block, &upper, 2);
  }
  return bytes;
}

/* What a product reads instead of x: the same in floats, otherwise rounded to 8 bits by block. Written apart from the kernels. */
static void read_as(const Weights &w, const float *x, double *to) {
  const FormShape &shape = w.shape();
  const int K = w.columns(), span = shape.bytes ? 1 : w.type().wholeRow ? K : shape.block;
  for (int k = 0; k < K; k += span) {
    float most = 0;
    for (int i = k; i < k + span; i++) most = fmaxf(most, fabsf(x[i]));
    for (int i = k; i < k + span; i++) to[i] = shape.bytes ? x[i] : most < 7.9e-31f ? 0 : (double)(most / 127) * nearbyintf(x[i] * (127 / most));
  }
}

static void multiply_all(const Weights &w, const float *x, int M, float *y, Threads *threads, Activations *space) {
  if (space->take(&SET, w, x, M, threads) != Status::ok) abort();
  const Product product = {&w, y, static_cast<size_t>(w.rows())};
  multiply(&SET, &product, 1, *space, threads);
}

static Threads one, three;
static Activations space;

static void check_type(const TensorType &type, int N, int K) {
  Weights w;
  uint8_t *bytes = some_rows(type, N, K);
  const float factor = type.wholeRow ? 0.37f : 1.0f;
  if (w.prepare(type, N, K, factor) != Status::ok || w.append(bytes, w.rowBytes() * N, &three) != Status::ok) abort();
  float *decoded = (float *)malloc(sizeof(float) * N * K);
  decodeRows(type, bytes, N, K, factor, decoded);
  const int most = 128;
  float *x = (float *)malloc(sizeof(float) * most * K), *y = (float *)malloc(sizeof(float) * most * N), *all = (float *)malloc(sizeof(float) * most * N);
  double *read = (double *)malloc(sizeof(double) * K), worst = 0, largest = 0;
  for (int i = 0; i < most * K; i++) x[i] = (float)(uniform() * (i % 7 == 0 ? 4 : 1));
  multiply_all(w, x, most, all, &three, &space);
  for (int i = 0; i < most; i++) {
    read_as(w, x + i * K, read);
    for (int n = 0; n < N; n++) {
      double sum = 0;
      for (int k = 0; k < K; k++) sum += decoded[n * K + k] * read[k];
      largest = fmax(largest, fabs(sum));
      worst = fmax(worst, fabs(sum - all[i * N + n]));
      uint32_t word;
      memcpy(&word, &all[i * N + n], 4);
      bits_of_all = (bits_of_all ^ word) * 16777619u;
    }
  }
#ifdef WRONG_ROUNDING /* the control: a weight that is off by one part in a hundred thousand must be noticed */
  worst += 1e-5 * largest;
#endif
  expect(worst <= 1e-6 * largest, "distance from double precision", type, K, most, worst / largest);
  for (int M : {1, 2, 3, 4, 7, 8, 16, 39, 64, 128})
    for (Threads *threads : {&one, &three}) {
      memset(y, 255, sizeof(float) * most * N);
      multiply_all(w, x + (most - M) * K, M, y, threads, &space);
      expect(!memcmp(y, all + (most - M) * N, sizeof(float) * M * N), "bits of fewer rows", type, K, M, threads->size());
    }
  free(bytes);
  free(decoded);
  free(x);
  free(y);
  free(all);
  free(read);
}

/* Scales and activations that are no numbers spoil what IEEE says and nothing else; tiny ones are exact, tiny activations are zeros. */
static void check_hostile(const TensorType &type) {
  const int N = 19, K = 512, M = 5;
  int at[2];
  const int halves = halves_of(type, at);
  uint8_t *bytes = some_rows(type, N, K);
  const uint16_t hostile[] = {0x7c00, 0xfc00, 0x7e00, 0x0001, 0x8001, 0x03ff, 0x7bff};
  for (int row = 0; row < 7 && halves; row++) memcpy(bytes + (size_t)row * K / type.block * type.bytes + type.bytes + at[row % halves], &hostile[row], 2);
  Weights w;
  if (w.prepare(type, N, K, 1) != Status::ok || w.append(bytes, w.rowBytes() * N, &one) != Status::ok) abort();
  float *decoded = (float *)malloc(sizeof(float) * N * K), x[M * K], y[M * N];
  decodeRows(type, bytes, N, K, 1, decoded);
  for (int i = 0; i < M * K; i++) x[i] = (float)uniform();
  for (int k = 0; k < K; k++) x[4 * K + k] *= 1e-36f;  /* row 4 is tiny */
  x[1 * K + 3] = INFINITY;
  x[2 * K + 300] = NAN;
  x[3 * K + 5] = 1e-42f;
  multiply_all(w, x, M, y, &one, &space);
  double read[K];
  int wrong = 0;
  for (int i = 0; i < M; i++) {
    const bool spoilt = i == 1 || i == 2;
    if (!spoilt) read_as(w, x + i * K, read);
    for (int n = 0; n < N; n++) {
      double sum = 0, size = 0;
      for (int k = 0; k < K && !spoilt; k++) {
        sum += decoded[n * K + k] * read[k];
        size += fabs(decoded[n * K + k] * read[k]);
      }
      const float found = y[i * N + n];
      const bool finite = isfinite(sum) && !spoilt;
      if (spoilt && w.shape().bytes && i == 1) wrong += isfinite(found); /* floats: the infinity itself may come out */
      else if (spoilt) wrong += !isnan(found);
      else if (!finite) wrong += isfinite(found);
      else wrong += !(fabs(found - sum) <= 1e-6 * size + 1e-42);
    }
  }
  expect(!wrong, "hostile numbers", type, K, M, wrong);
  free(bytes);
  free(decoded);
}

static void check_gate(int n, int gelu) {
  static const TensorType none = {0, "gate", 0, 0, 0, nullptr, false};
  float z[100], x[100], to[101];
  for (int i = 0; i < n; i++) {
    z[i] = (float)(uniform() * (i % 5 == 0 ? 200 : 6));
    x[i] = (float)uniform();
  }
  to[n] = 7;
  SET.gate(z, x, n, gelu, to);
  double worst = 0;
  for (int i = 0; i < n; i++) {
    const double u = gelu ? 2 * sqrt(2 / M_PI) * (z[i] + 0.044715 * pow(z[i], 3)) : z[i], expected = z[i] / (1 + exp(-u)) * x[i];
    worst = fmax(worst, fabs(to[i] - expected) / fmax(1, fabs(z[i])));
    uint32_t word;
    memcpy(&word, &to[i], 4);
    bits_of_all = (bits_of_all ^ word) * 16777619u;
  }
  expect(worst < 1e-6 && to[n] == 7, gelu ? "gelu" : "silu", none, n, 1, worst);
  z[n / 2] = NAN;
  SET.gate(z, x, n, gelu, to);
  expect(isnan(to[n / 2]), "NaN", none, n, 1, to[n / 2]);
}

int main() {
  three.resize(3);
  for (int n = 1; n <= 100; n++)
    for (int gelu = 0; gelu < 2; gelu++) check_gate(n, gelu);
  for (const TensorType *type = tensorTypes(); type->name; type++) {
    for (int blocks : {1, 2, 5}) check_type(*type, 37, blocks * (type->block < 32 ? 32 : type->block));
    check_type(*type, 1, 512);
    if (type->block == 1) check_type(*type, 17, 71);
    check_hostile(*type);
  }
  printf("%s: %d checks, %d failed, bits %08x\n", SET.name, checks, failures, bits_of_all);
  return failures ? 1 : 0;
}
