// attend: checks every length and handle against the table before anything is touched.
#include "attention/attend.h"

#include "binding/arguments.h"
#include "binding/methods.h"

namespace deltallm {
namespace {

constexpr int kTableStride = 3;  // handle, count, delta

/** The table as entries with placed positions; the counts must add up to `tokens`. */
void readTable(Arguments *arguments, const Store &store, const View<int32_t> &table, int tokens, Array<Entry> *entries) {
  arguments->check(table.length > 0 && table.length % kTableStride == 0, "table");
  if (arguments->failed) return;
  const size_t count = table.length / kTableStride;
  if (!entries->reset(count)) return arguments->fail(Status::outOfMemory, "table");
  long long first = 0;
  for (size_t e = 0; e < count; e++) {
    const int32_t *row = table.data + e * kTableStride;
    Block *block = store.pool.find(row[0]);
    if (!block) return arguments->fail(Status::invalidArgument, "table: handle");
    if (row[1] < 1 || row[1] > kBlockTokens || first + row[1] > tokens) return arguments->fail(Status::invalidArgument, "table: count");
    (*entries)[e] = {block, static_cast<int>(first), row[1], row[2]};
    first += row[1];
  }
  arguments->check(first == tokens, "table: counts do not cover start + tokens");
}

}  // namespace

napi_value attend(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Store *store = arguments.store(0);
  if (arguments.failed) return arguments.undefined();
  const Setup &setup = store->setup;
  State &state = *State::of(env);
  Call call = {};
  call.setup = &setup;
  call.kernels = state.kernels->attention;
  call.layer = arguments.integer(1, "layer", 0, setup.layers - 1);
  const View<int32_t> table = arguments.ints(2, "table");
  call.start = arguments.integer(3, "start", 0, kMaxPosition);
  call.tokens = arguments.integer(4, "tokens", 1, kMaxPosition - call.start);
  const View<float> qkv = arguments.floats(5, "qkv");
  const View<float> out = arguments.floats(6, "out");
  const View<int32_t> cancel = arguments.ints(7, "cancel");
  call.phase = static_cast<Phase>(arguments.integer(8, "written", 0, 1));
  if (arguments.failed) return arguments.undefined();
  arguments.check(qkv.length == static_cast<size_t>(call.tokens) * call.qkvWidth(), "qkv");
  arguments.check(out.length == static_cast<size_t>(call.tokens) * setup.heads * setup.valueLength, "out");
  arguments.check(cancel.length >= 1, "cancel");
  Array<Entry> entries;
  if (!arguments.failed) readTable(&arguments, *store, table, call.start + call.tokens, &entries);
  if (arguments.failed) return arguments.undefined();
  call.entries = entries.data();
  call.entryCount = static_cast<int>(entries.size());
  call.qkv = qkv.data;
  call.out = out.data;
  call.cancel = cancel.data;

  AttendNumbers n;
  arguments.check(attend(call, &store->rope, &state.workspace, &state.threads, &store->activity, &n), "table: blocks do not hold what the table says");
  if (arguments.failed) return arguments.undefined();
  const Field fields[] = {{"denseOps", n.dense}, {"requiredOps", n.required}, {"executedOps", n.executed}, {"cancelled", n.cancelled ? 1.0 : 0.0}};
  return numbers(env, fields, 4);
}

}  // namespace deltallm
