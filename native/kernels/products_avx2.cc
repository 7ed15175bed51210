// The product set for AVX2 with FMA and F16C (Haswell, Zen and later). Products of bytes go through 16-bit sums, as many of them as cannot overflow.
#include "kernels/products_x86.h"

namespace {

#define COLUMN 8
#define SIGNED 1
#define SHARED 1
#define FLOAT_ROWS 1

typedef __m256i Bytes; /* [8 rows][4 columns] */
typedef __m256i Pairs; /* [8 rows][2] int16 */
typedef __m256i Int;
typedef __m256i Scale; /* [8 rows][2] int16, both the same */
typedef __m256 Real;

static inline Bytes load_bytes(const uint8_t *from) { return _mm256_loadu_si256((const __m256i *)from); }
static inline Bytes table_bytes(const uint8_t *from) { return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)from)); }
static inline Bytes looked_up(Bytes table, Bytes codes) { return _mm256_shuffle_epi8(table, codes); }
/* To the right, or by −n to the left; bits that come from the neighbouring byte are for and_bytes to clear. */
static inline Bytes shifted(Bytes x, int n) { return n > 0 ? _mm256_srli_epi16(x, n) : n < 0 ? _mm256_slli_epi16(x, -n) : x; }
static inline Bytes and_bytes(Bytes x, int mask) { return _mm256_and_si256(x, _mm256_set1_epi8((char)mask)); }
static inline Bytes or_bytes(Bytes a, Bytes b) { return _mm256_or_si256(a, b); }
static inline Bytes turned_over(Bytes x) { return _mm256_xor_si256(x, _mm256_set1_epi8((char)0x80)); }

static inline Pairs load_pairs(const uint8_t *from) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from)); }
static inline Pairs times(Pairs x, int n) { return _mm256_mullo_epi16(x, _mm256_set1_epi16((short)n)); }
static inline Scale unscaled() { return _mm256_set1_epi16(1); }
static inline Scale first(Pairs x) { return _mm256_or_si256(_mm256_and_si256(x, _mm256_set1_epi32(0xffff)), _mm256_slli_epi32(x, 16)); }
static inline Scale second(Pairs x) { return _mm256_blend_epi16(x, _mm256_srli_epi32(x, 16), 0x55); }

static inline Int nothing() { return _mm256_setzero_si256(); }
static inline __m256i four(const void *from) {
  int32_t x;
  __builtin_memcpy(&x, from, 4);
  return _mm256_set1_epi32(x);
}
/* total + Σ weights·sums over a pair of groups. */
static inline Int add_pairs(Int total, Pairs weights, const int16_t *sums) { return _mm256_add_epi32(total, _mm256_madd_epi16(weights, four(sums))); }

/* The empty asm keeps GCC from reordering the sums: its reassociation pass makes of eight chains a heap of spills. */
static inline __m256i next(__m256i sum, __m256i products) {
  __m256i x = _mm256_add_epi16(sum, products);
  __asm__("" : "+x"(x));
  return x;
}

/* total + scale·Σ w·q over a unit. A pair of products is at most 2·127·code; signed weights give the other factor their sign and are at most 128. */
template <class F>
static inline __attribute__((always_inline)) Int add_dots(Int total, const Bytes *w, const int8_t *q, const Scale *scale) {
  constexpr int longest = F::turned ? 1 : F::bits == 6 ? 2 : F::bits == 5 ? 4 : 8, chain = F::group == 16 && longest > 4 ? 4 : longest;
#pragma GCC unroll 8
  for (int g = 0; g < 8; g += chain) {
    const __m256i a = four(q + 4 * g);
    __m256i sum = F::turned ? _mm256_maddubs_epi16(_mm256_abs_epi8(w[g]), _mm256_sign_epi8(a, w[g])) : _mm256_maddubs_epi16(w[g], a);
#pragma GCC unroll 8
    for (int i = 1; i < chain; i++) sum = next(sum, _mm256_maddubs_epi16(w[g + i], four(q + 4 * (g + i))));
    total = _mm256_add_epi32(total, _mm256_madd_epi16(sum, scale[F::group == 16 ? g / 4 : 0]));
  }
  return total;
}

static inline Real all(float x) { return _mm256_set1_ps(x); }
static inline Real add(Real a, Real b) { return _mm256_add_ps(a, b); }
static inline Real sub(Real a, Real b) { return _mm256_sub_ps(a, b); }
static inline Real divided(Real a, Real b) { return _mm256_div_ps(a, b); }
/* Where a is NaN: b. */
static inline Real at_most(Real a, Real b) { return _mm256_min_ps(a, b); }
static inline Real at_least(Real a, Real b) { return _mm256_max_ps(a, b); }
static inline Real power_of_two(Real n) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23)); }
static inline Real mul(Real a, Real b) { return _mm256_mul_ps(a, b); }
static inline Real fma(Real a, Real b, Real c) { return _mm256_fmadd_ps(a, b, c); }
static inline Real to_real(Int x) { return _mm256_cvtepi32_ps(x); }
static inline Real load_f32(const uint8_t *from) { return _mm256_loadu_ps((const float *)from); }
static inline Real load_f16(const uint8_t *from) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from)); }
static inline Real load_bf16(const uint8_t *from) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from)), 16)); }
static inline Real load_halves(const uint8_t *from) { return load_f16(from); }
static inline void store(float *to, Real x) { _mm256_storeu_ps(to, x); }
static inline void ask_for(const uint8_t *p) { _mm_prefetch((const char *)p, _MM_HINT_T0); }

}  // namespace

#include "kernels/tiles.h"

extern "C" const dl_products dl_products_avx2 = DL_PRODUCT_SET("avx2");
