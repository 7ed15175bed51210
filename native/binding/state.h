// What one environment (main thread or worker) owns: its stores, its parked threads, its working memory. Freed with the environment.
#pragma once
#include <node_api.h>

#include "attention/attend.h"
#include "kv/pool.h"

namespace deltallm {

struct Store {
  Setup setup;
  Pool pool{setup};
  RopeCache rope;
};

class State {
 public:
  State();
  ~State();
  State(const State &) = delete;
  State &operator=(const State &) = delete;

  /** The environment's own state, made when the addon was loaded there. */
  static State *of(napi_env env);

  /** The store of that id, or null. Ids are positive and never used twice. */
  Store *find(int id) const;
  /** Takes the store over; 0 when memory is short (the store is then deleted). */
  int add(Store *store);
  bool remove(int id);

  const dl_kernels *kernels;
  Threads threads;
  Workspace workspace;

 private:
  struct Named {
    int id;
    Store *store;
  };
  Array<Named> stores_;
  size_t count_ = 0;
  int lastId_ = 0;
};

}  // namespace deltallm
