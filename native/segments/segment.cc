// The steps in order. Products of one input share its rounded rows; everything else is cut by rows and runs of columns.
#include "segments/segment.h"

#include "segments/norm.h"

namespace deltallm {
namespace {

constexpr int kColumns = 2048;           // of add and gate in one item
constexpr size_t kWorthWaking = 8192;    // values below which helpers stay parked

/** What an activation that multiplies nothing is multiplied with. */
struct Ones {
  float values[kColumns];
  constexpr Ones() : values() {
    for (int i = 0; i < kColumns; i++) values[i] = 1;
  }
};
constexpr Ones kOnes;

void squaredReluGate(const float *gate, const float *x, int n, float *to) {
  for (int i = 0; i < n; i++) {
    const float z = 0.0f > gate[i] ? 0.0f : gate[i];  // the largest of both in one instruction, NaN where gate is: a jump would be guessed wrong every other time
    to[i] = z * z * x[i];
  }
}

/** One step over rows; `tensors` are those of its slots. */
struct Job {
  const dl_products *set;
  const Step &step;
  const float *from, *other;
  float *to;
  size_t fromWidth, toWidth;
  int width, parts;  // of what the step writes, and into how many runs of columns it is cut
};

void runItem(void *context, int, int item) {
  const Job &job = *static_cast<Job *>(context);
  const bool isNorm = job.step.kind == StepKind::norm;
  const int run = isNorm ? job.width : kColumns;
  const size_t row = item / job.parts, column = item % job.parts * static_cast<size_t>(run);
  const int n = isNorm || job.parts == 1 ? job.width : static_cast<int>(job.width - column < kColumns ? job.width - column : kColumns);
  const float *from = job.from + row * job.fromWidth + column, *other = job.other ? job.other + row * job.fromWidth + column : nullptr;
  float *to = job.to + row * job.toWidth + column;
  switch (job.step.kind) {
    case StepKind::norm:
      if (job.step.bias.size()) return layerNorm(from, job.step.scale.data(), job.step.bias.data(), job.step.epsilon, n, to);
      return rmsNorm(from, job.step.scale.data(), job.step.epsilon, n, to);
    case StepKind::gate:
      if (job.step.alone) other = kOnes.values;
      if (job.step.activation == Activation::squaredRelu) return squaredReluGate(from, other, n, to);
      return job.set->gate(from, other, n, job.step.activation == Activation::gelu, to);
    case StepKind::cap: return softCap(from, job.step.most, n, to);
    case StepKind::add:
      for (int i = 0; i < n; i++) to[i] = from[i] + other[i];
      return;
    case StepKind::product:  // its bias
      for (int i = 0; i < n; i++) to[i] += job.step.scale[column + i];
  }
}

void runRows(Job job, int rows, Threads *threads) {
  job.parts = job.step.kind == StepKind::norm ? job.step.groups : (job.width + kColumns - 1) / kColumns;
  threads->run(runItem, &job, rows * job.parts, static_cast<size_t>(rows) * job.width > kWorthWaking);
}

}  // namespace

Status runSegment(const Segment &segment, const dl_products *set, MatrixOf matrix, void *context, float *const *tensors, int rows, SegmentSpace *space, Threads *threads) {
  const int given = segment.inputs + segment.outputs, slots = static_cast<int>(segment.widths.size());
  size_t between = 0;
  for (int slot = given; slot < slots; slot++) between += alignUp(segment.widths[slot] * sizeof(float)) / sizeof(float) * rows;
  if (!space->slots.atLeast(between)) return Status::outOfMemory;
  float *at[kMostSlots];
  float *next = space->slots.data();
  for (int slot = 0; slot < slots; slot++) {
    at[slot] = slot < given ? tensors[slot] : next;
    if (slot >= given) next += alignUp(segment.widths[slot] * sizeof(float)) / sizeof(float) * rows;
  }

  int taken = -1;  // the slot whose rounded rows are there
  const size_t steps = segment.steps.size();
  for (size_t i = 0; i < steps;) {
    const Step &step = segment.steps[i];
    if (step.kind != StepKind::product) {
      const size_t toWidth = segment.widths[step.to];
      const int width = step.kind == StepKind::norm ? static_cast<int>(step.scale.size()) : static_cast<int>(toWidth);
      runRows({set, step, at[step.from] + step.column, step.kind == StepKind::add || step.kind == StepKind::gate ? at[step.other] : nullptr, at[step.to] + step.column, static_cast<size_t>(segment.widths[step.from]), toWidth, width, 1}, rows, threads);
      if (step.to == taken) taken = -1;
      i++;
      continue;
    }
    // Products of the same rounded rows are one job.
    Product products[kMostProducts];
    int count = 0;
    for (size_t next = i; next < steps && count < kMostProducts && segment.steps[next].kind == StepKind::product && segment.steps[next].from == step.from; next++) {
      const Step &other = segment.steps[next];
      const Weights *w = matrix(context, other.weights);
      if (!w || !w->complete()) return Status::invalidArgument;
      if (count == 0 && (taken != step.from || !space->activations.serves(*w))) {
        const Status status = space->activations.take(set, *w, at[step.from], rows, threads);
        if (status != Status::ok) return status;
        taken = step.from;
      }
      if (!space->activations.serves(*w)) break;
      products[count++] = {w, at[other.to] + other.column, static_cast<size_t>(segment.widths[other.to])};
      if (other.to == step.from) break;  // what comes next reads other rows
    }
    multiply(set, products, count, space->activations, threads);
    for (int n = 0; n < count; n++, i++) {
      const Step &done = segment.steps[i];
      const Product &product = products[n];
      if (done.scale.size()) runRows({set, done, product.y, nullptr, product.y, product.stride, product.stride, product.w->rows(), 1}, rows, threads);
      if (done.to == taken) taken = -1;
    }
  }
  return Status::ok;
}

}  // namespace deltallm
