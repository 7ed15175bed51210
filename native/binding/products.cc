// Weights and products: every number and length checked before anything is touched.
#include "products/product.h"

#include "binding/arguments.h"
#include "binding/methods.h"
#include "products/logits.h"

namespace deltallm {
namespace {

constexpr double kLargestFactor = 1e30;
constexpr int kMostProductRows = 1 << 16;

const TensorType *typeOf(Arguments *arguments, size_t i) {
  const TensorType *type = tensorType(arguments->integer(i, "type", 0, 255));
  arguments->check(type != nullptr, "type");
  return type;
}

}  // namespace

napi_value createWeights(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const TensorType *type = typeOf(&arguments, 0);
  const int rows = arguments.integer(1, "rows", 1, kMostRows), columns = arguments.integer(2, "columns", 1, kMostColumns);
  const double factor = arguments.number(arguments.value(3), "factor", -kLargestFactor, kLargestFactor);
  if (!arguments.failed) arguments.check(columns % type->block == 0, "columns");
  if (arguments.failed) return arguments.undefined();
  Weights *weights = make<Weights>();
  const Status status = weights ? weights->prepare(*type, rows, columns, static_cast<float>(factor)) : Status::outOfMemory;
  if (status != Status::ok) destroy(weights);
  const int id = status == Status::ok ? State::of(env)->weights.add(weights) : 0;
  if (!id) arguments.fail(status == Status::ok ? Status::outOfMemory : status, "weights");
  return arguments.answer(id);
}

napi_value appendRows(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Weights *weights = arguments.weights(0);
  const View<uint8_t> bytes = arguments.bytes(1, "bytes");
  if (!arguments.failed) arguments.check(weights->append(bytes.data, bytes.length, &State::of(env)->threads), "bytes");
  return arguments.undefined();
}

napi_value destroyWeights(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const int id = arguments.integer(0, "weights", 1, 2147483647);
  if (!arguments.failed) arguments.check(State::of(env)->weights.remove(id), "weights");
  return arguments.undefined();
}

napi_value weightsInfo(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Weights *weights = arguments.weights(0);
  if (arguments.failed) return arguments.undefined();
  const Field fields[] = {{"type", static_cast<double>(weights->type().id)},   {"rows", static_cast<double>(weights->rows())},   {"columns", static_cast<double>(weights->columns())},
                          {"present", static_cast<double>(weights->written())}, {"bytes", static_cast<double>(weights->bytes())}};
  return numbers(env, fields, sizeof fields / sizeof *fields);
}

napi_value product(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Weights *weights = arguments.weights(0);
  const View<float> x = arguments.floats(1, "x");
  const int rows = arguments.integer(2, "rows", 1, kMostProductRows);
  const View<float> y = arguments.floats(3, "y");
  if (arguments.failed) return arguments.undefined();
  arguments.check(weights->complete(), "weights: rows are missing");
  arguments.check(x.length == static_cast<size_t>(rows) * weights->columns(), "x");
  arguments.check(y.length == static_cast<size_t>(rows) * weights->rows(), "y");
  if (arguments.failed) return arguments.undefined();
  State &state = *State::of(env);
  const dl_products *set = state.kernels->products;
  Activations &activations = state.segmentSpace.activations;
  arguments.check(activations.take(set, *weights, x.data, rows, &state.threads), "x");
  const Product product = {weights, y.data, static_cast<size_t>(weights->rows())};
  if (!arguments.failed) multiply(set, &product, 1, activations, &state.threads);
  return arguments.undefined();
}

napi_value decodeRows(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const TensorType *type = typeOf(&arguments, 0);
  const int columns = arguments.integer(1, "columns", 1, kMostColumns);
  const double factor = arguments.number(arguments.value(2), "factor", -kLargestFactor, kLargestFactor);
  const View<uint8_t> bytes = arguments.bytes(3, "bytes");
  const View<float> to = arguments.floats(4, "to");
  if (!arguments.failed) arguments.check(columns % type->block == 0, "columns");
  if (arguments.failed) return arguments.undefined();
  const size_t rows = to.length / columns;
  arguments.check(to.length == rows * columns && bytes.length == rows * (columns / type->block) * type->bytes, "bytes");
  if (!arguments.failed) decodeRows(*type, bytes.data, static_cast<int>(rows), columns, static_cast<float>(factor), to.data);
  return arguments.undefined();
}

napi_value bestLogits(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const View<float> logits = arguments.floats(0, "logits");
  const View<int32_t> ids = arguments.ints(1, "ids");
  arguments.check(logits.length >= 1 && logits.length <= kMostRows, "logits");
  arguments.check(ids.length >= 1 && ids.length <= logits.length, "ids");
  if (arguments.failed) return arguments.undefined();
  const BestLogits best = bestLogits(logits.data, static_cast<int>(logits.length), static_cast<int>(ids.length), ids.data);
  const Field fields[] = {{"count", static_cast<double>(best.count)}, {"top", best.top}, {"sum", best.sum}};
  return numbers(env, fields, 3);
}

}  // namespace deltallm
