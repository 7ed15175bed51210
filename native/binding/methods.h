// The exported functions; their meaning is written in src/binding/addon.ts.
#pragma once
#include <node_api.h>

namespace deltallm {

napi_value cpu(napi_env env, napi_callback_info info);
napi_value selectKernelSet(napi_env env, napi_callback_info info);
napi_value setThreads(napi_env env, napi_callback_info info);
napi_value keepFreed(napi_env env, napi_callback_info info);

napi_value createStore(napi_env env, napi_callback_info info);
napi_value destroyStore(napi_env env, napi_callback_info info);
napi_value storeInfo(napi_env env, napi_callback_info info);
napi_value storeActivity(napi_env env, napi_callback_info info);

napi_value allocateBlock(napi_env env, napi_callback_info info);
napi_value retainBlock(napi_env env, napi_callback_info info);
napi_value releaseBlock(napi_env env, napi_callback_info info);
napi_value forkBlock(napi_env env, napi_callback_info info);
napi_value truncateBlock(napi_env env, napi_callback_info info);
napi_value encodeBlock(napi_env env, napi_callback_info info);
napi_value dropExact(napi_env env, napi_callback_info info);
napi_value blockInfo(napi_env env, napi_callback_info info);
napi_value serializeBlock(napi_env env, napi_callback_info info);
napi_value parseBlock(napi_env env, napi_callback_info info);
napi_value readKeys(napi_env env, napi_callback_info info);
napi_value readValues(napi_env env, napi_callback_info info);

napi_value attend(napi_env env, napi_callback_info info);

napi_value createWeights(napi_env env, napi_callback_info info);
napi_value appendRows(napi_env env, napi_callback_info info);
napi_value destroyWeights(napi_env env, napi_callback_info info);
napi_value weightsInfo(napi_env env, napi_callback_info info);
napi_value product(napi_env env, napi_callback_info info);
napi_value decodeRows(napi_env env, napi_callback_info info);
napi_value bestLogits(napi_env env, napi_callback_info info);

napi_value createSegment(napi_env env, napi_callback_info info);
napi_value destroySegment(napi_env env, napi_callback_info info);
napi_value runSegment(napi_env env, napi_callback_info info);

}  // namespace deltallm
