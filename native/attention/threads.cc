// A mutex, two condition variables and an item counter. A helper that wakes late finds the job closed and parks again. Jobs that follow each other closely
// (the products of one layer) are met awake: whoever waits looks again for some microseconds before it sleeps.
#include "attention/threads.h"

#include <stdlib.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <pthread.h>
#include <signal.h>
#endif

namespace deltallm {
namespace {

constexpr int kMaxThreads = 64;
constexpr size_t kStackBytes = 256 * 1024;
constexpr int kLooks = 4000;  // pauses before sleeping: 40 to 160 microseconds, as long as an attention and its way through JavaScript take

#ifdef _WIN32
using Mutex = SRWLOCK;
using Condition = CONDITION_VARIABLE;
using Thread = HANDLE;
void start(Mutex *m) { InitializeSRWLock(m); }
void start(Condition *c) { InitializeConditionVariable(c); }
void finish(Mutex *) {}
void finish(Condition *) {}
void lock(Mutex *m) { AcquireSRWLockExclusive(m); }
void unlock(Mutex *m) { ReleaseSRWLockExclusive(m); }
void wait(Condition *c, Mutex *m) { SleepConditionVariableSRW(c, m, INFINITE, 0); }
void wakeAll(Condition *c) { WakeAllConditionVariable(c); }
int nextItem(volatile long *counter) { return static_cast<int>(InterlockedIncrement(counter)) - 1; }
int read(const int *x) { return *static_cast<const volatile int *>(x); }
void write(int *x, int value) { *static_cast<volatile int *>(x) = value; }
void pause() { YieldProcessor(); }
#else
using Mutex = pthread_mutex_t;
using Condition = pthread_cond_t;
using Thread = pthread_t;
void start(Mutex *m) { pthread_mutex_init(m, nullptr); }
void start(Condition *c) { pthread_cond_init(c, nullptr); }
void finish(Mutex *m) { pthread_mutex_destroy(m); }
void finish(Condition *c) { pthread_cond_destroy(c); }
void lock(Mutex *m) { pthread_mutex_lock(m); }
void unlock(Mutex *m) { pthread_mutex_unlock(m); }
void wait(Condition *c, Mutex *m) { pthread_cond_wait(c, m); }
void wakeAll(Condition *c) { pthread_cond_broadcast(c); }
int nextItem(volatile long *counter) { return static_cast<int>(__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED)); }
int read(const int *x) { return __atomic_load_n(x, __ATOMIC_RELAXED); }
void write(int *x, int value) { __atomic_store_n(x, value, __ATOMIC_RELAXED); }
void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
#endif

/** Looks for a while whether the number is still the same. The mutex says what else changed with it. */
void lookFor(const int *number, int known) {
  for (int i = 0; i < kLooks && read(number) == known; i++) pause();
}

}  // namespace

struct Threads::State {
  struct Helper {
    State *state;
    int index;
    Thread thread;
  };

  Mutex mutex;
  Condition wake, done;
  int size = 1;         // with the caller
  Helper helpers[kMaxThreads];
  // The job, guarded by the mutex; `counter` alone is touched without it.
  WorkFunction work = nullptr;
  void *context = nullptr;
  int items = 0;
  volatile long counter = 0;
  bool open = false;
  bool closing = false;
  // Written under the mutex, looked at without it.
  int generation = 0;
  int active = 0;       // helpers inside the job

  void items_of(int thread, WorkFunction f, void *c, int n) {
    for (int item = nextItem(&counter); item < n; item = nextItem(&counter)) f(c, thread, item);
  }

  void help(int index) {
    int seen = 0;
    lock(&mutex);
    while (!closing) {
      if (!open || generation == seen) {
        const int known = generation;
        unlock(&mutex);
        lookFor(&generation, known);
        lock(&mutex);
        if (generation == known && !closing) wait(&wake, &mutex);
        continue;
      }
      seen = generation;
      write(&active, active + 1);
      const WorkFunction f = work;
      void *c = context;
      const int n = items;
      unlock(&mutex);
      items_of(index, f, c, n);
      lock(&mutex);
      write(&active, active - 1);
      if (active == 0) wakeAll(&done);
    }
    unlock(&mutex);
  }

#ifdef _WIN32
  static DWORD WINAPI entry(void *helper) {
    static_cast<Helper *>(helper)->state->help(static_cast<Helper *>(helper)->index);
    return 0;
  }
  bool launch(Helper *helper) {
    helper->thread = CreateThread(nullptr, kStackBytes, entry, helper, 0, nullptr);
    return helper->thread != nullptr;
  }
  static void join(Helper *helper) {
    WaitForSingleObject(helper->thread, INFINITE);
    CloseHandle(helper->thread);
  }
#else
  static void *entry(void *helper) {
    static_cast<Helper *>(helper)->state->help(static_cast<Helper *>(helper)->index);
    return nullptr;
  }
  /** With all signals blocked: the host's handlers run on the host's threads. */
  bool launch(Helper *helper) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setstacksize(&attributes, kStackBytes);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&helper->thread, &attributes, entry, helper);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    return !failed;
  }
  static void join(Helper *helper) { pthread_join(helper->thread, nullptr); }
#endif

  void stop() {
    lock(&mutex);
    closing = true;
    wakeAll(&wake);
    unlock(&mutex);
    for (int i = 1; i < size; i++) join(&helpers[i]);
    closing = false;
    size = 1;
  }
};

Threads::Threads() : state_(static_cast<State *>(calloc(1, sizeof(State)))) {
  if (!state_) return;
  state_->size = 1;
  start(&state_->mutex);
  start(&state_->wake);
  start(&state_->done);
}

Threads::~Threads() {
  if (!state_) return;
  state_->stop();
  finish(&state_->done);
  finish(&state_->wake);
  finish(&state_->mutex);
  free(state_);
}

int Threads::size() const { return state_ ? state_->size : 1; }

void Threads::resize(int threads) {
  if (!state_ || threads == state_->size) return;
  state_->stop();
  if (threads > kMaxThreads) threads = kMaxThreads;
  for (int i = 1; i < threads; i++) {
    state_->helpers[i].state = state_;
    state_->helpers[i].index = i;
    if (!state_->launch(&state_->helpers[i])) break;
    state_->size = i + 1;
  }
}

void Threads::run(WorkFunction work, void *context, int items, bool wake) {
  if (!state_ || state_->size == 1 || !wake || items < 2) {
    for (int item = 0; item < items; item++) work(context, 0, item);
    return;
  }
  State &s = *state_;
  lock(&s.mutex);
  s.work = work;
  s.context = context;
  s.items = items;
  s.counter = 0;
  write(&s.generation, static_cast<int>(static_cast<unsigned>(s.generation) + 1));
  s.open = true;
  wakeAll(&s.wake);
  unlock(&s.mutex);
  s.items_of(0, work, context, items);
  lock(&s.mutex);
  s.open = false;
  while (s.active > 0) {
    const int known = s.active;
    unlock(&s.mutex);
    lookFor(&s.active, known);
    lock(&s.mutex);
    if (s.active == known) wait(&s.done, &s.mutex);
  }
  unlock(&s.mutex);
}

}  // namespace deltallm
