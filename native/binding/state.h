// What one environment (main thread or worker) owns: its stores, its weights and segments, its parked threads, its working memory. Freed with the environment.
#pragma once
#include <node_api.h>

#include "attention/attend.h"
#include "dispatch/dispatch.h"
#include "kv/pool.h"
#include "segments/segment.h"

namespace deltallm {

struct Store {
  Setup setup;
  Pool pool{setup};
  RopeCache rope;
  Activity activity;
};

/** Owned objects behind ids that are positive and never used twice: a few hundred at most, so they are searched. */
template <class T>
class Handles {
 public:
  Handles() = default;
  ~Handles() {
    for (size_t i = 0; i < count_; i++) destroy(named_[i].object);
  }
  Handles(const Handles &) = delete;
  Handles &operator=(const Handles &) = delete;

  /** The object of that id, or null. */
  T *find(int id) const {
    for (size_t i = 0; i < count_; i++)
      if (named_[i].id == id) return named_[i].object;
    return nullptr;
  }

  /** Takes the object over; 0 when memory is short (the object is then deleted). */
  int add(T *object) {
    if (count_ == named_.size()) {
      Array<Named> larger;
      if (!larger.reset(count_ * 2 + 8)) {
        destroy(object);
        return 0;
      }
      for (size_t i = 0; i < count_; i++) larger[i] = named_[i];
      named_.swap(larger);
    }
    named_[count_++] = {++lastId_, object};
    return lastId_;
  }

  bool remove(int id) {
    for (size_t i = 0; i < count_; i++)
      if (named_[i].id == id) {
        destroy(named_[i].object);
        named_[i] = named_[--count_];
        return true;
      }
    return false;
  }

 private:
  struct Named {
    int id;
    T *object;
  };
  Array<Named> named_;
  size_t count_ = 0;
  int lastId_ = 0;
};

class State {
 public:
  State();
  State(const State &) = delete;
  State &operator=(const State &) = delete;

  /** The environment's own state, made when the addon was loaded there. */
  static State *of(napi_env env);

  const KernelSet *kernels;
  Handles<Store> stores;
  Handles<Weights> weights;
  Handles<Segment> segments;
  Threads threads;
  Workspace workspace;
  SegmentSpace segmentSpace;
};

}  // namespace deltallm
