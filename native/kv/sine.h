// Sine, cosine, exponential and logarithm of our own: nothing but IEEE sums, products and quotients, so that what is stored does not depend on the C library.
#pragma once

namespace deltallm {

/** Both at once for |x| up to about 10⁷; relative error below 2⁻⁴⁰ there, far below float32. */
void sineCosine(double x, double *sine, double *cosine);

/** e^x for |x| ≤ 2. */
double exponential(double x);
/** ln x for normal x > 0. */
double logarithm(double x);

}  // namespace deltallm
