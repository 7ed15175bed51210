// The export table: names and arity are mirrored by src/binding/addon.ts; a test compares them.
#include "binding/methods.h"
#include "binding/state.h"

namespace deltallm {
namespace {

/** ADDON_VERSION of src/binding/addon.ts. */
constexpr int kAddonVersion = 7;

struct Export {
  const char *name;
  napi_callback method;
  int arity;
};

const Export kExports[] = {
    {"cpu", cpu, 0},
    {"selectKernels", selectKernelSet, 1},
    {"setThreads", setThreads, 1},
    {"keepFreedMemory", keepFreed, 1},
    {"createStore", createStore, 1},
    {"destroyStore", destroyStore, 1},
    {"storeInfo", storeInfo, 1},
    {"storeActivity", storeActivity, 2},
    {"allocateBlock", allocateBlock, 1},
    {"retainBlock", retainBlock, 2},
    {"releaseBlock", releaseBlock, 2},
    {"forkBlock", forkBlock, 3},
    {"truncateBlock", truncateBlock, 3},
    {"encodeBlock", encodeBlock, 2},
    {"dropExact", dropExact, 2},
    {"blockInfo", blockInfo, 2},
    {"serializeBlock", serializeBlock, 4},
    {"parseBlock", parseBlock, 3},
    {"readKeys", readKeys, 5},
    {"readValues", readValues, 5},
    {"attend", attend, 9},
    {"createWeights", createWeights, 4},
    {"appendRows", appendRows, 2},
    {"destroyWeights", destroyWeights, 1},
    {"weightsInfo", weightsInfo, 1},
    {"product", product, 4},
    {"decodeRows", decodeRows, 5},
    {"bestLogits", bestLogits, 2},
    {"createSegment", createSegment, 1},
    {"destroySegment", destroySegment, 1},
    {"runSegment", runSegment, 3},
};

void freeState(napi_env, void *state, void *) { destroy(static_cast<State *>(state)); }

bool addFunction(napi_env env, napi_value exports, const Export &entry) {
  napi_value function = nullptr, arity = nullptr;
  if (napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.method, nullptr, &function) != napi_ok || napi_create_int32(env, entry.arity, &arity) != napi_ok) return false;
  const napi_property_descriptor length = {"length", nullptr, nullptr, nullptr, nullptr, arity, napi_configurable, nullptr};
  return napi_define_properties(env, function, 1, &length) == napi_ok && napi_set_named_property(env, exports, entry.name, function) == napi_ok;
}

napi_value initialise(napi_env env, napi_value exports) {
  napi_value version = nullptr;
  State *state = make<State>();
  bool done = state && napi_set_instance_data(env, state, freeState, nullptr) == napi_ok;
  if (!done) destroy(state);
  done = done && napi_create_int32(env, kAddonVersion, &version) == napi_ok && napi_set_named_property(env, exports, "version", version) == napi_ok;
  for (const Export &entry : kExports) done = done && addFunction(env, exports, entry);
  if (!done) napi_throw_error(env, "outOfMemory", "load");
  return exports;
}

}  // namespace
}  // namespace deltallm

NAPI_MODULE_INIT() { return deltallm::initialise(env, exports); }
