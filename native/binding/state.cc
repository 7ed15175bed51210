// The list of stores of an environment: a handful, so it is searched.
#include "binding/state.h"

#include "dispatch/dispatch.h"

namespace deltallm {

State *State::of(napi_env env) {
  void *state = nullptr;
  napi_get_instance_data(env, &state);
  return static_cast<State *>(state);
}

State::State() : kernels(selectKernels("auto")) {}

State::~State() {
  for (size_t i = 0; i < count_; i++) destroy(stores_[i].store);
}

Store *State::find(int id) const {
  for (size_t i = 0; i < count_; i++)
    if (stores_[i].id == id) return stores_[i].store;
  return nullptr;
}

int State::add(Store *store) {
  if (count_ == stores_.size()) {
    Array<Named> larger;
    if (!larger.reset(count_ * 2 + 8)) {
      destroy(store);
      return 0;
    }
    for (size_t i = 0; i < count_; i++) larger[i] = stores_[i];
    stores_.swap(larger);
  }
  stores_[count_++] = {++lastId_, store};
  return lastId_;
}

bool State::remove(int id) {
  for (size_t i = 0; i < count_; i++)
    if (stores_[i].id == id) {
      destroy(stores_[i].store);
      stores_[i] = stores_[--count_];
      return true;
    }
  return false;
}

}  // namespace deltallm
