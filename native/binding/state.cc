// The state of an environment, found by the environment.
#include "binding/state.h"

namespace deltallm {

State *State::of(napi_env env) {
  void *state = nullptr;
  napi_get_instance_data(env, &state);
  return static_cast<State *>(state);
}

State::State() : kernels(selectKernels("auto")) {}

}  // namespace deltallm
