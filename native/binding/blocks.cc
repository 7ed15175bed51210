// Environment, stores and blocks: validate, call kv/, answer.
#include "binding/arguments.h"
#include "binding/configuration.h"
#include "binding/methods.h"
#include "dispatch/cpu.h"
#include "dispatch/dispatch.h"
#include "kv/encode.h"
#include "kv/serialize.h"

namespace deltallm {
namespace {

struct List {
  napi_env env;
  napi_value array = nullptr;
  uint32_t length = 0;
  explicit List(napi_env e) : env(e) { napi_create_array(env, &array); }
  void push(const char *text) { napi_set_element(env, array, length++, string(env, text)); }
};

using Reader = Status (*)(const Setup &, const Block &, int, int, bool, double *);

napi_value readBlock(napi_env env, napi_callback_info info, Reader reader, bool keys) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  Block *block = nullptr;
  if (!arguments.failed) arguments.handle(1, store, &block);
  if (arguments.failed) return arguments.undefined();
  const int layer = arguments.integer(2, "layer", 0, store->setup.layers - 1);
  const int kvHead = arguments.integer(3, "kvHead", 0, store->setup.kvHeads - 1);
  const bool delta = arguments.choice(arguments.value(4), "form", "exact", "delta");
  if (arguments.failed) return arguments.undefined();
  if (delta && store->setup.delta && block->counts[layer] == kBlockTokens) arguments.check(encodeLayer(store->setup, block, layer), "block");
  if (arguments.failed) return arguments.undefined();
  const size_t length = keys ? store->setup.keyLength : store->setup.valueLength;
  void *data = nullptr;
  const napi_value to = arguments.newArray(napi_float64_array, length * block->counts[layer], sizeof(double), &data);
  if (!arguments.failed && block->counts[layer]) arguments.check(reader(store->setup, *block, layer, kvHead, delta, static_cast<double *>(data)), "form");
  return arguments.failed ? arguments.undefined() : to;
}

const uint8_t *recipeOf(Arguments *arguments, size_t i) {
  const View<uint8_t> recipe = arguments->bytes(i, "recipe");
  arguments->check(recipe.length == kRecipeBytes, "recipe");
  return recipe.data;
}

}  // namespace

napi_value cpu(napi_env env, napi_callback_info) {
  List features(env), compiled(env), possible(env);
  for (const CpuFeature *feature = cpuFeatures(); feature->name; feature++)
    if (feature->present) features.push(feature->name);
  for (const KernelSet *set = kernelSets(); set->name; set++) {
    compiled.push(set->name);
    if (usable(*set)) possible.push(set->name);
  }
  napi_value object = nullptr;
  napi_create_object(env, &object);
  napi_set_named_property(env, object, "features", features.array);
  napi_set_named_property(env, object, "compiled", compiled.array);
  napi_set_named_property(env, object, "usable", possible.array);
  napi_set_named_property(env, object, "selected", string(env, State::of(env)->kernels->name));
  return object;
}

napi_value selectKernelSet(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Arguments::Text name = arguments.text(arguments.value(0), "name");
  if (arguments.failed) return arguments.undefined();
  const KernelSet *kernels = selectKernels(name.bytes);
  if (!kernels) arguments.fail(Status::kernelSetUnknown, name.bytes);
  else State::of(env)->kernels = kernels;
  return arguments.undefined();
}

napi_value setThreads(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const int threads = arguments.integer(0, "threads", 1, 64);
  if (!arguments.failed) State::of(env)->threads.resize(threads);
  return arguments.undefined();
}

napi_value keepFreed(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const int megabytes = arguments.integer(0, "megabytes", 0, 1024);
  if (!arguments.failed) keepFreedMemory(static_cast<size_t>(megabytes) << 20);
  return arguments.undefined();
}

napi_value createStore(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = make<Store>();
  if (!store) {
    arguments.fail(Status::outOfMemory, "store");
    return arguments.undefined();
  }
  readConfiguration(&arguments, arguments.value(0), &store->setup);
  if (arguments.failed) {
    destroy(store);
    return arguments.undefined();
  }
  if (!store->activity.prepare(store->setup)) {
    destroy(store);
    arguments.fail(Status::outOfMemory, "store");
    return arguments.undefined();
  }
  const int id = State::of(env)->stores.add(store);
  if (!id) arguments.fail(Status::outOfMemory, "store");
  return arguments.answer(id);
}

napi_value destroyStore(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const int id = arguments.integer(0, "store", 1, 2147483647);
  if (!arguments.failed) arguments.check(State::of(env)->stores.remove(id), "store");
  return arguments.undefined();
}

napi_value storeInfo(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  if (arguments.failed) return arguments.undefined();
  const PoolNumbers n = store->pool.totals();
  const Field fields[] = {{"blocks", static_cast<double>(n.blocks)}, {"bytes", n.bytes}, {"exactBytes", n.exactBytes}, {"deltaBytes", n.deltaBytes}};
  return numbers(env, fields, 4);
}

napi_value storeActivity(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  const int sampled = arguments.integer(1, "sample", 0, 1);
  if (arguments.failed) return arguments.undefined();
  const Setup &setup = store->setup;
  Activity &activity = store->activity;
  const Sample &sample = activity.sample();
  const size_t heads = static_cast<size_t>(setup.layers) * setup.kvHeads;
  void *work = nullptr, *coded = nullptr, *sinks = nullptr, *blocks = nullptr, *tokens = nullptr;
  const bool none = sample.position < 0;
  const size_t sinkCount = none ? 0 : static_cast<size_t>(setup.layers) * setup.heads, blockCount = none ? 0 : static_cast<size_t>(setup.layers) * sample.blocks, tokenCount = none ? 0 : static_cast<size_t>(sample.position) + 1;
  const napi_value arrays[] = {arguments.newArray(napi_float64_array, kPhases * heads * 3, sizeof(double), &work), arguments.newArray(napi_float64_array, heads * 2, sizeof(double), &coded),
                               arguments.newArray(napi_float32_array, sinkCount, sizeof(float), &sinks), arguments.newArray(napi_float32_array, blockCount, sizeof(float), &blocks),
                               arguments.newArray(napi_float32_array, tokenCount, sizeof(float), &tokens)};
  if (arguments.failed) return arguments.undefined();
  double *to = static_cast<double *>(work);
  for (int phase = 0; phase < kPhases; phase++)
    for (int layer = 0; layer < setup.layers; layer++)
      for (int h = 0; h < setup.kvHeads; h++) {
        const Work &own = activity.work(static_cast<Phase>(phase), layer, h);
        *to++ = own.dense;
        *to++ = own.required;
        *to++ = own.executed;
      }
  store->pool.coded(static_cast<CodedNumbers *>(coded));
  for (size_t i = 0; i < sinkCount; i++) static_cast<float *>(sinks)[i] = sample.sinks.data()[i];
  for (size_t i = 0; i < blockCount; i++) static_cast<float *>(blocks)[i] = sample.rest.data()[i];
  for (size_t i = 0; i < tokenCount; i++) static_cast<float *>(tokens)[i] = sample.tokens.data()[i];
  if (sampled) activity.want();
  const Field fields[] = {{"read", activity.tokens[0]}, {"written", activity.tokens[1]}, {"position", static_cast<double>(sample.position)}};
  const napi_value object = numbers(env, fields, 3);
  const char *const names[] = {"work", "coded", "sinks", "blocks", "tokens"};
  for (int i = 0; i < 5; i++) napi_set_named_property(env, object, names[i], arrays[i]);
  return object;
}

napi_value allocateBlock(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  int handle = 0;
  if (!arguments.failed) arguments.check(store->pool.allocate(&handle), "block");
  return arguments.answer(handle);
}

napi_value retainBlock(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  const int handle = arguments.handle(1, store);
  if (!arguments.failed) arguments.check(store->pool.retain(handle), "block");
  return arguments.undefined();
}

napi_value releaseBlock(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  const int handle = arguments.handle(1, store);
  if (!arguments.failed) arguments.check(store->pool.release(handle), "block");
  return arguments.undefined();
}

napi_value forkBlock(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  const int handle = arguments.handle(1, store);
  const int count = arguments.integer(2, "count", 0, kBlockTokens);
  int forked = 0;
  if (!arguments.failed) arguments.check(store->pool.fork(handle, count, &forked), "fork");
  return arguments.answer(forked);
}

napi_value truncateBlock(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  const int handle = arguments.handle(1, store);
  const int count = arguments.integer(2, "count", 0, kBlockTokens);
  if (!arguments.failed) arguments.check(store->pool.truncate(handle, count), "truncate");
  return arguments.undefined();
}

napi_value encodeBlock(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  Block *block = nullptr;
  if (!arguments.failed) arguments.handle(1, store, &block);
  if (!arguments.failed) arguments.check(encodeBlock(store->setup, block), "block is not full");
  return arguments.undefined();
}

napi_value dropExact(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  const int handle = arguments.handle(1, store);
  if (!arguments.failed) arguments.check(store->pool.dropExact(handle), "block is not full");
  return arguments.undefined();
}

napi_value blockInfo(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  const int handle = arguments.handle(1, store);
  BlockNumbers n = {};
  if (!arguments.failed) arguments.check(store->pool.numbers(handle, &n), "block");
  if (arguments.failed) return arguments.undefined();
  const Field fields[] = {{"base", static_cast<double>(n.base)}, {"count", static_cast<double>(n.count)}, {"bytes", n.bytes},
                          {"exactBytes", n.exactBytes},          {"deltaBytes", n.deltaBytes},            {"keyElements", n.keyElements},
                          {"keyZeros", n.keyZeros},              {"keyframes", n.keyframes},              {"masked", n.masked}};
  return numbers(env, fields, sizeof fields / sizeof *fields);
}

napi_value serializeBlock(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  Block *block = nullptr;
  if (!arguments.failed) arguments.handle(1, store, &block);
  const uint8_t *recipe = recipeOf(&arguments, 2);
  const int exact = arguments.integer(3, "exact", 0, 1);
  if (arguments.failed) return arguments.undefined();
  const Setup &setup = store->setup;
  arguments.check(isFull(setup, *block), "block is not full");
  if (!arguments.failed && exact) arguments.check(block->exact ? Status::ok : Status::noExactForm, "block");
  if (!arguments.failed && !exact) arguments.check(setup.delta, "mode");
  if (!arguments.failed && !exact) arguments.check(encodeBlock(setup, block), "block");
  if (arguments.failed) return arguments.undefined();
  const int forms = exact ? formsOf(setup, *block) : kDeltaForm;
  void *data = nullptr;
  const napi_value to = arguments.newArray(napi_uint8_array, serializedBytes(setup, *block, forms), 1, &data);
  if (arguments.failed) return arguments.undefined();
  serializeBlock(setup, *block, forms, recipe, static_cast<uint8_t *>(data));
  return to;
}

napi_value parseBlock(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  const View<uint8_t> bytes = arguments.bytes(1, "bytes");
  const uint8_t *recipe = recipeOf(&arguments, 2);
  Block *block = nullptr;
  int handle = 0;
  if (!arguments.failed) arguments.check(parseBlock(store->setup, bytes.data, bytes.length, recipe, &block), "bytes");
  if (!arguments.failed) arguments.check(store->pool.adopt(block, &handle), "block");
  return arguments.answer(handle);
}

napi_value readKeys(napi_env env, napi_callback_info info) { return readBlock(env, info, readKeys, true); }
napi_value readValues(napi_env env, napi_callback_info info) { return readBlock(env, info, readValues, false); }

}  // namespace deltallm
