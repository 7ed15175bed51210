// Reading JavaScript values: every getter checks kind and range, remembers the first failure, and answers something harmless after it.
// Plain node_api.h: node-addon-api needs the C++ library, whose exception and locale code would print, abort, and raise the glibc floor.
#pragma once
#include <node_api.h>

#include "binding/state.h"

namespace deltallm {

template <class T>
struct View {
  T *data = nullptr;
  size_t length = 0;
};

class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info);

  napi_env env;
  /** Set together with a pending JavaScript exception. */
  bool failed = false;

  // Arguments by index.
  napi_value value(size_t i) const { return values_[i]; }
  int integer(size_t i, const char *name, double low, double high) { return wholeNumber(values_[i], name, low, high); }
  Store *store(size_t i);
  Weights *weights(size_t i);
  /** A live block's handle; `block` may be null. */
  int handle(size_t i, Store *store, Block **block = nullptr);
  View<float> floats(size_t i, const char *name) { return view<float>(values_[i], napi_float32_array, name); }
  View<int32_t> ints(size_t i, const char *name) { return view<int32_t>(values_[i], napi_int32_array, name); }
  View<uint8_t> bytes(size_t i, const char *name) { return view<uint8_t>(values_[i], napi_uint8_array, name); }

  // Any value.
  double number(napi_value value, const char *name, double low, double high);
  int wholeNumber(napi_value value, const char *name, double low, double high);
  /** Which of two words the value is: false for `off`, true for `on`. */
  bool choice(napi_value value, const char *name, const char *off, const char *on);
  /** At most 63 bytes of UTF-8, terminated. */
  struct Text {
    char bytes[64];
  };
  Text text(napi_value value, const char *name);
  napi_value property(napi_value object, const char *name);
  /** Whether an optional property is there; false after a failure. */
  bool isGiven(napi_value value);
  napi_value element(napi_value array, uint32_t i, const char *name);
  uint32_t arrayLength(napi_value array, const char *name, uint32_t low, uint32_t high);
  template <class T>
  View<T> view(napi_value value, napi_typedarray_type type, const char *name) {
    View<T> view;
    void *data = nullptr;
    if (!failed && typedArray(value, type, name, &data, &view.length)) view.data = static_cast<T *>(data);
    return view;
  }

  void check(bool condition, const char *detail) {
    if (!condition) fail(Status::invalidArgument, detail);
  }
  void check(Status status, const char *detail) {
    if (status != Status::ok) fail(status, detail);
  }
  /** Throws an Error with `.code` for the first failure; `detail` names what was wrong. */
  void fail(Status status, const char *detail);

  // Answers; undefined after a failure.
  napi_value undefined();
  napi_value answer(double number);
  /** A new typed array and its zeroed memory. */
  napi_value newArray(napi_typedarray_type type, size_t length, size_t elementBytes, void **data);

 private:
  static constexpr size_t kMost = 9;  // attend takes nine

  bool typedArray(napi_value value, napi_typedarray_type type, const char *name, void **data, size_t *length);

  napi_value values_[kMost];
};

/** A plain object of numbers. */
struct Field {
  const char *name;
  double value;
};
napi_value numbers(napi_env env, const Field *fields, size_t count);
napi_value string(napi_env env, const char *text);

}  // namespace deltallm
