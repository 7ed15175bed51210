// Limits: a real model is far inside them; what is outside would overflow, divide by zero or spread NaN.
#include "binding/configuration.h"

#include <string.h>

#include "kv/basis.h"

namespace deltallm {
namespace {

constexpr double kLargest = 1e30;     // any configured float
constexpr double kSmallestStep = 1e-30;
constexpr double kMostRadians = 6.3;  // per position: one turn

bool within(const float *x, size_t n, double low, double high) {
  for (size_t i = 0; i < n; i++)
    if (!(x[i] >= low && x[i] <= high)) return false;
  return true;
}

void copyTable(Arguments *arguments, napi_value value, const char *name, size_t length, double low, Array<float> *to) {
  const View<float> table = arguments->view<float>(value, napi_float32_array, name);
  arguments->check(table.length == length && within(table.data, length, low, kLargest), name);
  if (arguments->failed) return;
  if (!to->reset(length)) return arguments->fail(Status::outOfMemory, name);
  memcpy(to->data(), table.data, sizeof(float) * length);
}

/** A and, where it is given, the importance; without A keys are coded as they are. */
void readBasis(Arguments *arguments, napi_value tables, const Setup &setup, LayerSetup *layer) {
  const napi_value basis = arguments->property(tables, "basis"), importance = arguments->property(tables, "importance");
  if (!arguments->isGiven(basis)) return arguments->check(!arguments->isGiven(importance), "importance");
  const size_t D = setup.keyLength;
  Array<float> table;
  copyTable(arguments, basis, "basis", setup.kvHeads * D * D, -kLargest, &table);
  arguments->check(setup.mean, "basis");
  if (arguments->isGiven(importance)) copyTable(arguments, importance, "importance", setup.kvHeads * (2 * D + 2), -kLargest, &layer->importance);
  if (!arguments->failed) arguments->check(prepareBasis(setup, table.data(), layer), "basis");
}

void readLayer(Arguments *arguments, napi_value value, const Setup &setup, LayerSetup *layer) {
  layer->scale = static_cast<float>(arguments->number(arguments->property(value, "scale"), "scale", -kLargest, kLargest));
  layer->softcap = static_cast<float>(arguments->number(arguments->property(value, "softcap"), "softcap", 0, kLargest));
  layer->slidingWindow = arguments->wholeNumber(arguments->property(value, "slidingWindow"), "slidingWindow", 0, 2147483647);
  layer->ropeScale = arguments->number(arguments->property(value, "ropeScale"), "ropeScale", -kLargest, kLargest);
  const View<double> frequencies = arguments->view<double>(arguments->property(value, "inverseFrequencies"), napi_float64_array, "inverseFrequencies");
  arguments->check(2 * frequencies.length <= static_cast<size_t>(setup.keyLength), "inverseFrequencies");
  for (size_t i = 0; i < frequencies.length && !arguments->failed; i++)
    arguments->check(frequencies.data[i] >= -kMostRadians && frequencies.data[i] <= kMostRadians, "inverseFrequencies");
  if (arguments->failed) return;
  layer->pairs = static_cast<int>(frequencies.length);
  if (!layer->inverseFrequencies.reset(frequencies.length)) return arguments->fail(Status::outOfMemory, "inverseFrequencies");
  if (frequencies.length) memcpy(layer->inverseFrequencies.data(), frequencies.data, sizeof(double) * frequencies.length);
  if (!setup.delta) return;
  const napi_value tables = arguments->property(value, "delta");
  const size_t length = static_cast<size_t>(setup.kvHeads) * setup.keyLength;
  copyTable(arguments, arguments->property(tables, "threshold"), "threshold", length, 0, &layer->threshold);
  copyTable(arguments, arguments->property(tables, "step"), "step", length, kSmallestStep, &layer->step);
  readBasis(arguments, tables, setup, layer);
}

bool sameRope(const LayerSetup &a, const LayerSetup &b) {
  return a.pairs == b.pairs && a.ropeScale == b.ropeScale && memcmp(a.inverseFrequencies.data(), b.inverseFrequencies.data(), sizeof(double) * a.pairs) == 0;
}

}  // namespace

void readConfiguration(Arguments *arguments, napi_value config, Setup *setup) {
  const auto whole = [&](const char *name, double low, double high) { return arguments->wholeNumber(arguments->property(config, name), name, low, high); };
  setup->delta = arguments->choice(arguments->property(config, "mode"), "mode", "exact", "delta");
  setup->mean = arguments->choice(arguments->property(config, "reference"), "reference", "previous", "mean");
  setup->heads = whole("heads", 1, kMaxHeads);
  setup->kvHeads = whole("kvHeads", 1, kMaxHeads);
  setup->keyLength = whole("keyLength", 1, kMaxLength);
  setup->valueLength = whole("valueLength", 1, kMaxLength);
  setup->valueWidth = (setup->valueLength + DL_VALUE_PAD - 1) / DL_VALUE_PAD * DL_VALUE_PAD;
  setup->sinks = whole("sinks", 0, kMaxPosition);
  setup->windowMin = arguments->number(arguments->property(config, "windowMin"), "windowMin", 0, kLargest);
  setup->windowMax = arguments->number(arguments->property(config, "windowMax"), "windowMax", setup->windowMin, kLargest);
  setup->windowDivisor = arguments->number(arguments->property(config, "windowDivisor"), "windowDivisor", 1e-3, kLargest);
  if (arguments->failed) return;
  arguments->check(setup->heads % setup->kvHeads == 0, "heads");
  setup->group = setup->heads / setup->kvHeads;

  const napi_value layers = arguments->property(config, "layers");
  const uint32_t count = arguments->arrayLength(layers, "layers", 1, kMaxLayers);
  if (arguments->failed) return;
  if (!setup->layer.reset(count)) return arguments->fail(Status::outOfMemory, "layers");
  setup->layers = static_cast<int>(count);
  for (uint32_t i = 0; i < count; i++) {
    readLayer(arguments, arguments->element(layers, i, "layers"), *setup, &setup->layer[i]);
    if (arguments->failed) return;
    int group = 0;
    while (!sameRope(setup->layer[group], setup->layer[i])) group++;
    setup->layer[i].ropeGroup = group;
    const bool basis = setup->layer[i].forward.size() > 0;
    if (i == 0) setup->basis = basis;
    arguments->check(basis == setup->basis, "basis");  // of all layers or of none
    if (arguments->failed) return;
  }
}

}  // namespace deltallm
