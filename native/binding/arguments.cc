// Node-API calls behind the getters.
#include "binding/arguments.h"

#include <math.h>
#include <string.h>

namespace deltallm {
namespace {

const char *codeOf(Status status) {
  switch (status) {
    case Status::kernelSetUnknown: return "kernelSetUnknown";
    case Status::outOfMemory: return "outOfMemory";
    case Status::blockDamaged: return "blockDamaged";
    case Status::blockForeign: return "blockForeign";
    case Status::noExactForm: return "noExactForm";
    default: return "invalidArgument";
  }
}

}  // namespace

Arguments::Arguments(napi_env e, napi_callback_info info) : env(e) {
  size_t count = kMost;
  for (napi_value &value : values_) value = nullptr;
  if (napi_get_cb_info(env, info, &count, values_, nullptr, nullptr) != napi_ok) fail(Status::invalidArgument, "arguments");
}

void Arguments::fail(Status status, const char *detail) {
  if (failed) return;
  failed = true;
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) napi_throw_error(env, codeOf(status), detail);
}

double Arguments::number(napi_value value, const char *name, double low, double high) {
  double x = NAN;
  if (!failed && (!value || napi_get_value_double(env, value, &x) != napi_ok || !(x >= low && x <= high))) fail(Status::invalidArgument, name);
  return failed ? low : x;
}

int Arguments::wholeNumber(napi_value value, const char *name, double low, double high) {
  const double x = number(value, name, low, high);
  if (x != floor(x)) fail(Status::invalidArgument, name);
  return static_cast<int>(failed ? low : x);
}

Store *Arguments::store(size_t i) {
  const int id = integer(i, "store", 1, 2147483647);
  Store *store = failed ? nullptr : State::of(env)->stores.find(id);
  check(store != nullptr, "store");
  return store;
}

Weights *Arguments::weights(size_t i) {
  const int id = integer(i, "weights", 1, 2147483647);
  Weights *weights = failed ? nullptr : State::of(env)->weights.find(id);
  check(weights != nullptr, "weights");
  return weights;
}

int Arguments::handle(size_t i, Store *store, Block **block) {
  const int handle = integer(i, "block", 1, 2147483647);
  Block *found = failed ? nullptr : store->pool.find(handle);
  check(found != nullptr, "block");
  if (block) *block = found;
  return handle;
}

Arguments::Text Arguments::text(napi_value value, const char *name) {
  Text text = {};
  size_t length = 0;
  if (!failed && (!value || napi_get_value_string_utf8(env, value, text.bytes, sizeof text.bytes, &length) != napi_ok)) fail(Status::invalidArgument, name);
  return text;
}

bool Arguments::choice(napi_value value, const char *name, const char *off, const char *on) {
  const Text found = text(value, name);
  const bool isOn = strcmp(found.bytes, on) == 0;
  check(isOn || strcmp(found.bytes, off) == 0, name);
  return isOn;
}

bool Arguments::isGiven(napi_value value) {
  napi_valuetype type = napi_undefined;
  return !failed && napi_typeof(env, value, &type) == napi_ok && type != napi_undefined;
}

napi_value Arguments::property(napi_value object, const char *name) {
  napi_value value = nullptr;
  napi_valuetype type = napi_undefined;
  if (failed) return nullptr;
  if (!object || napi_typeof(env, object, &type) != napi_ok || type != napi_object || napi_get_named_property(env, object, name, &value) != napi_ok) fail(Status::invalidArgument, name);
  return failed ? nullptr : value;
}

napi_value Arguments::element(napi_value array, uint32_t i, const char *name) {
  napi_value value = nullptr;
  if (!failed && napi_get_element(env, array, i, &value) != napi_ok) fail(Status::invalidArgument, name);
  return failed ? nullptr : value;
}

uint32_t Arguments::arrayLength(napi_value array, const char *name, uint32_t low, uint32_t high) {
  bool is = false;
  uint32_t length = 0;
  if (failed) return 0;
  check(array && napi_is_array(env, array, &is) == napi_ok && is && napi_get_array_length(env, array, &length) == napi_ok && length >= low && length <= high, name);
  return failed ? 0 : length;
}

bool Arguments::typedArray(napi_value value, napi_typedarray_type type, const char *name, void **data, size_t *length) {
  bool is = false;
  napi_typedarray_type found;
  if (value && napi_is_typedarray(env, value, &is) == napi_ok && is && napi_get_typedarray_info(env, value, &found, length, data, nullptr, nullptr) == napi_ok && found == type)
    return true;
  fail(Status::invalidArgument, name);
  *length = 0;
  return false;
}

napi_value Arguments::undefined() {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}

napi_value Arguments::answer(double number) {
  napi_value value = nullptr;
  if (failed || napi_create_double(env, number, &value) != napi_ok) return undefined();
  return value;
}

napi_value Arguments::newArray(napi_typedarray_type type, size_t length, size_t elementBytes, void **data) {
  napi_value buffer = nullptr, array = nullptr;
  if (failed) return nullptr;
  if (napi_create_arraybuffer(env, length * elementBytes, data, &buffer) != napi_ok || napi_create_typedarray(env, type, length, buffer, 0, &array) != napi_ok)
    fail(Status::outOfMemory, "array");
  return failed ? nullptr : array;
}

napi_value numbers(napi_env env, const Field *fields, size_t count) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  for (size_t i = 0; i < count; i++) {
    napi_value value = nullptr;
    if (napi_create_double(env, fields[i].value, &value) == napi_ok) napi_set_named_property(env, object, fields[i].name, value);
  }
  return object;
}

napi_value string(napi_env env, const char *text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

}  // namespace deltallm
