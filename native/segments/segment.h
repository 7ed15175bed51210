// What lies between two attentions, as a short list of steps over rows of floats: one native call a layer. Which steps is the architecture's business and
// written in TypeScript; here is only how each is done.
#pragma once
#include "products/product.h"

namespace deltallm {

constexpr uint32_t kMostSlots = 32;
constexpr uint32_t kMostSteps = 64;

enum class StepKind { norm, product, add, gate, cap };
enum class Activation { silu, gelu, squaredRelu };

/** Slots are rows of a fixed width: first the inputs, then the outputs, then what is only in between. */
struct Step {
  StepKind kind = StepKind::norm;
  int from = 0, other = 0, to = 0;  // slots; `other`: the second operand of add, and what a gate multiplies
  int column = 0;                   // product: where in `to` it begins; norm: where in both
  int groups = 1;                   // norm: runs of columns, each normed by itself
  int weights = 0;                  // product: id
  float epsilon = 0;                // norm
  float most = 0;                   // cap
  Activation activation = Activation::silu;  // gate
  bool alone = false;               // gate: multiplies nothing
  Array<float> scale;               // norm: the scale; product: the bias, or nothing
  Array<float> bias;                // norm: makes it a LayerNorm; or nothing
};

struct Segment {
  int inputs = 0, outputs = 0;
  Array<int> widths;   // of all slots
  Objects<Step> steps;
};

/** Memory that segments of one environment reuse. */
struct SegmentSpace {
  Array<float> slots;
  Activations activations;
};

/** The matrices of the steps in order, null for steps without. */
using MatrixOf = const Weights *(*)(void *context, int id);

/**
 * Runs all steps on `rows` rows; `tensors` are those of inputs and outputs, `[rows][width]` each. A row's bits depend on neither the other rows nor the
 * number of threads. `invalidArgument`: a matrix is gone or not complete.
 */
Status runSegment(const Segment &segment, const dl_products *set, MatrixOf matrix, void *context, float *const *tensors, int rows, SegmentSpace *space, Threads *threads);

}  // namespace deltallm
