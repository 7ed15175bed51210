// Segments from JavaScript: every slot, width and matrix is checked when one is made, every length when it runs.
#include "segments/segment.h"

#include <string.h>

#include "binding/arguments.h"
#include "binding/methods.h"

namespace deltallm {
namespace {

constexpr int kMostSegmentRows = 1 << 16;

const Weights *matrixOf(void *state, int id) { return static_cast<State *>(state)->weights.find(id); }

/** A list of numbers of that length, copied. */
void copyFloats(Arguments *arguments, napi_value value, const char *name, size_t length, Array<float> *to) {
  const View<float> floats = arguments->view<float>(value, napi_float32_array, name);
  arguments->check(floats.length == length, name);
  if (arguments->failed) return;
  if (!to->reset(length)) return arguments->fail(Status::outOfMemory, name);
  memcpy(to->data(), floats.data, sizeof(float) * length);
}

StepKind kindOf(Arguments *arguments, napi_value value) {
  const Arguments::Text kind = arguments->text(value, "kind");
  if (strcmp(kind.bytes, "norm") == 0) return StepKind::norm;
  if (strcmp(kind.bytes, "product") == 0) return StepKind::product;
  if (strcmp(kind.bytes, "add") == 0) return StepKind::add;
  if (strcmp(kind.bytes, "gate") == 0) return StepKind::gate;
  arguments->check(strcmp(kind.bytes, "cap") == 0, "kind");
  return StepKind::cap;
}

Activation activationOf(Arguments *arguments, napi_value value) {
  const Arguments::Text name = arguments->text(value, "activation");
  if (strcmp(name.bytes, "silu") == 0) return Activation::silu;
  if (strcmp(name.bytes, "gelu") == 0) return Activation::gelu;
  arguments->check(strcmp(name.bytes, "squaredRelu") == 0, "activation");
  return Activation::squaredRelu;
}

void readStep(Arguments *arguments, napi_value value, const Segment &segment, Step *step) {
  const int last = static_cast<int>(segment.widths.size()) - 1;
  const auto slot = [&](const char *name, int first) { return arguments->wholeNumber(arguments->property(value, name), name, first, last); };
  step->kind = kindOf(arguments, arguments->property(value, "kind"));
  step->from = slot("from", 0);
  step->to = slot("to", segment.inputs);  // inputs are only read
  if (arguments->failed) return;
  const int from = segment.widths[step->from], to = segment.widths[step->to];
  if (step->kind == StepKind::product) {
    step->weights = arguments->wholeNumber(arguments->property(value, "weights"), "weights", 1, 2147483647);
    const Weights *weights = arguments->failed ? nullptr : State::of(arguments->env)->weights.find(step->weights);
    arguments->check(weights && weights->columns() == from && step->from != step->to, "weights");
    if (arguments->failed) return;
    const int rows = weights->rows();  // reading a property may run code that destroys them
    step->column = arguments->wholeNumber(arguments->property(value, "column"), "column", 0, to);
    arguments->check(step->column + rows <= to, "column");
    const napi_value bias = arguments->property(value, "bias");
    if (arguments->isGiven(bias)) copyFloats(arguments, bias, "bias", rows, &step->scale);
    return;
  }
  arguments->check(from == to, "to");
  if (step->kind == StepKind::norm) {
    step->epsilon = static_cast<float>(arguments->number(arguments->property(value, "epsilon"), "epsilon", 0, 1));
    const napi_value column = arguments->property(value, "column"), groups = arguments->property(value, "groups");
    if (arguments->isGiven(column)) step->column = arguments->wholeNumber(column, "column", 0, to - 1);
    if (arguments->isGiven(groups)) step->groups = arguments->wholeNumber(groups, "groups", 1, to);
    const View<float> scale = arguments->view<float>(arguments->property(value, "scale"), napi_float32_array, "scale");
    if (arguments->failed) return;
    const size_t covered = scale.length * static_cast<size_t>(step->groups) + step->column;
    arguments->check(scale.length >= 1 && (arguments->isGiven(groups) ? covered <= static_cast<size_t>(to) : covered == static_cast<size_t>(to)), "scale");
    const size_t length = scale.length;  // reading a property may run code that changes it
    if (!arguments->failed) copyFloats(arguments, arguments->property(value, "scale"), "scale", length, &step->scale);
    const napi_value bias = arguments->property(value, "bias");
    if (arguments->isGiven(bias)) copyFloats(arguments, bias, "bias", length, &step->bias);
    return;
  }
  if (step->kind == StepKind::cap) {
    step->most = static_cast<float>(arguments->number(arguments->property(value, "most"), "most", 1e-3, 1e6));
    return;
  }
  if (step->kind == StepKind::gate) {
    step->activation = activationOf(arguments, arguments->property(value, "activation"));
    step->alone = !arguments->isGiven(arguments->property(value, "other"));
    if (step->alone) return;
  }
  step->other = slot("other", 0);
  arguments->check(arguments->failed || segment.widths[step->other] == to, "other");
}

void readSegment(Arguments *arguments, napi_value config, Segment *segment) {
  const View<int32_t> widths = arguments->view<int32_t>(arguments->property(config, "widths"), napi_int32_array, "widths");
  arguments->check(widths.length >= 2 && widths.length <= kMostSlots, "widths");
  for (size_t i = 0; i < widths.length && !arguments->failed; i++) arguments->check(widths.data[i] >= 1 && widths.data[i] <= kMostRows, "widths");
  segment->inputs = arguments->wholeNumber(arguments->property(config, "inputs"), "inputs", 1, kMostSlots);
  segment->outputs = arguments->wholeNumber(arguments->property(config, "outputs"), "outputs", 1, kMostSlots);
  arguments->check(arguments->failed || static_cast<size_t>(segment->inputs) + segment->outputs <= widths.length, "outputs");
  const napi_value steps = arguments->property(config, "steps");
  const uint32_t count = arguments->arrayLength(steps, "steps", 1, kMostSteps);
  if (arguments->failed) return;
  if (!segment->widths.reset(widths.length) || !segment->steps.reset(count)) return arguments->fail(Status::outOfMemory, "segment");
  memcpy(segment->widths.data(), widths.data, sizeof(int32_t) * widths.length);
  for (uint32_t i = 0; i < count && !arguments->failed; i++) readStep(arguments, arguments->element(steps, i, "steps"), *segment, &segment->steps[i]);
}

}  // namespace

napi_value createSegment(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Segment *segment = make<Segment>();
  if (!segment) {
    arguments.fail(Status::outOfMemory, "segment");
    return arguments.undefined();
  }
  readSegment(&arguments, arguments.value(0), segment);
  if (arguments.failed) {
    destroy(segment);
    return arguments.undefined();
  }
  const int id = State::of(env)->segments.add(segment);
  if (!id) arguments.fail(Status::outOfMemory, "segment");
  return arguments.answer(id);
}

napi_value destroySegment(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const int id = arguments.integer(0, "segment", 1, 2147483647);
  if (!arguments.failed) arguments.check(State::of(env)->segments.remove(id), "segment");
  return arguments.undefined();
}

napi_value runSegment(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  State &state = *State::of(env);
  const int id = arguments.integer(0, "segment", 1, 2147483647);
  const Segment *segment = arguments.failed ? nullptr : state.segments.find(id);
  arguments.check(segment != nullptr, "segment");
  const int rows = arguments.integer(1, "rows", 1, kMostSegmentRows);
  if (arguments.failed) return arguments.undefined();
  const uint32_t count = segment->inputs + segment->outputs;
  arguments.arrayLength(arguments.value(2), "tensors", count, count);
  float *tensors[kMostSlots] = {};
  for (uint32_t i = 0; i < count && !arguments.failed; i++) {
    const View<float> tensor = arguments.view<float>(arguments.element(arguments.value(2), i, "tensors"), napi_float32_array, "tensors");
    arguments.check(tensor.length >= static_cast<size_t>(rows) * segment->widths[i], "tensors");
    tensors[i] = tensor.data;
  }
  if (!arguments.failed) arguments.check(runSegment(*segment, state.kernels->products, matrixOf, &state, tensors, rows, &state.segmentSpace, &state.threads), "weights");
  return arguments.undefined();
}

}  // namespace deltallm
