// Parked threads that help one attend at a time; woken only when the work is worth it, joined by the destructor.
#pragma once

namespace deltallm {

/** Runs one item; `thread` is 0 for the caller, 1… for helpers. */
using WorkFunction = void (*)(void *context, int thread, int item);

class Threads {
 public:
  Threads();
  ~Threads();
  Threads(const Threads &) = delete;
  Threads &operator=(const Threads &) = delete;

  /** Threads including the caller; helpers inherit the calling thread's priority. Fewer are kept when the system refuses more. */
  void resize(int threads);
  int size() const;

  /** Runs all items, each once, in any order, on the caller and up to size()−1 helpers. Returns when all are done. */
  void run(WorkFunction work, void *context, int items, bool wake);

 private:
  struct State;
  State *state_;  // null when memory is short: everything then runs on the caller
};

}  // namespace deltallm
