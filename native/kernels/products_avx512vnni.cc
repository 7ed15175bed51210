// The product set for AVX-512 with VNNI (Cascade Lake, Zen 4 and later): all 16 rows of a tile in one register, sums in 32 bits from the start.
#include "kernels/products_x86.h"

namespace {

#define COLUMN 16
#define SIGNED 0
#define SHARED 2 /* a word of x is loaded once for two products: there are two loads a cycle, and as many products */
#define FLOAT_ROWS 4

typedef __m512i Bytes; /* [16 rows][4 columns] */
typedef __m512i Pairs; /* [16 rows][2] int16 */
typedef __m512i Int;
typedef __m512i Scale; /* [16 rows] int32 */
typedef __m512 Real;

static inline Bytes load_bytes(const uint8_t *from) { return _mm512_loadu_si512(from); }
static inline Bytes table_bytes(const uint8_t *from) { return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)from)); }
static inline Bytes looked_up(Bytes table, Bytes codes) { return _mm512_shuffle_epi8(table, codes); }
static inline Bytes shifted(Bytes x, int n) { return n > 0 ? _mm512_srli_epi16(x, n) : n < 0 ? _mm512_slli_epi16(x, -n) : x; }
static inline Bytes and_bytes(Bytes x, int mask) { return _mm512_and_si512(x, _mm512_set1_epi8((char)mask)); }
static inline Bytes or_bytes(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
static inline Bytes turned_over(Bytes x) { return x; } /* never asked for: weights are unsigned */

static inline Pairs load_pairs(const uint8_t *from) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)from)); }
static inline Pairs times(Pairs x, int n) { return _mm512_mullo_epi16(x, _mm512_set1_epi16((short)n)); }
static inline Scale unscaled() { return _mm512_set1_epi32(1); }
static inline Scale first(Pairs x) { return _mm512_srai_epi32(_mm512_slli_epi32(x, 16), 16); }
static inline Scale second(Pairs x) { return _mm512_srai_epi32(x, 16); }

static inline Int nothing() { return _mm512_setzero_si512(); }
static inline __m512i four(const void *from) {
  int32_t x;
  __builtin_memcpy(&x, from, 4);
  return _mm512_set1_epi32(x);
}
static inline Int add_pairs(Int total, Pairs weights, const int16_t *sums) { return _mm512_dpwssd_epi32(total, weights, four(sums)); }

template <class F, int N>
static inline __attribute__((always_inline)) void add_all(Int *total, const Bytes (*w)[8], const int8_t *q, const Scale (*scale)[2]) {
  constexpr int chain = F::group == 16 ? 4 : 8;
#pragma GCC unroll 8
  for (int g = 0; g < 8; g += chain) {
    Int sum[N];
#pragma GCC unroll 2
    for (int n = 0; n < N; n++) sum[n] = F::scaled ? nothing() : total[n];
#pragma GCC unroll 8
    for (int i = g; i < g + chain; i++) {
      const __m512i x = four(q + 4 * i);
#pragma GCC unroll 2
      for (int n = 0; n < N; n++) sum[n] = _mm512_dpbusd_epi32(sum[n], w[n][i], x);
    }
#pragma GCC unroll 2
    for (int n = 0; n < N; n++) total[n] = F::scaled ? _mm512_add_epi32(total[n], _mm512_mullo_epi32(sum[n], scale[n][g / 4])) : sum[n];
  }
}

static inline Real all(float x) { return _mm512_set1_ps(x); }
static inline Real add(Real a, Real b) { return _mm512_add_ps(a, b); }
static inline Real sub(Real a, Real b) { return _mm512_sub_ps(a, b); }
static inline Real divided(Real a, Real b) { return _mm512_div_ps(a, b); }
/* Where a is NaN: b. */
static inline Real at_most(Real a, Real b) { return _mm512_min_ps(a, b); }
static inline Real at_least(Real a, Real b) { return _mm512_max_ps(a, b); }
static inline Real power_of_two(Real n) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23)); }
static inline Real mul(Real a, Real b) { return _mm512_mul_ps(a, b); }
static inline Real fma(Real a, Real b, Real c) { return _mm512_fmadd_ps(a, b, c); }
static inline Real to_real(Int x) { return _mm512_cvtepi32_ps(x); }
static inline Real load_f32(const uint8_t *from) { return _mm512_loadu_ps(from); }
static inline Real load_f16(const uint8_t *from) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from)); }
static inline Real load_bf16(const uint8_t *from) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from)), 16)); }
static inline Real load_halves(const uint8_t *from) { return load_f16(from); }
static inline void store(float *to, Real x) { _mm512_storeu_ps(to, x); }
static inline void ask_for(const uint8_t *p) { _mm_prefetch((const char *)p, _MM_HINT_T0); }

}  // namespace

#include "kernels/tiles.h"

extern "C" const dl_products dl_products_avx512vnni = DL_PRODUCT_SET("avx512vnni");
