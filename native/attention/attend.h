// One layer, one step: append, encode, attend.
#pragma once
#include "attention/call.h"
#include "attention/rope.h"
#include "attention/threads.h"
#include "kv/encode.h"

namespace deltallm {

/** Memory that attends of one environment reuse. */
struct Workspace {
  Array<float> q;             // rotated queries
  Array<QueryGroup> groups;
  Array<HeadDraft> drafts;    // of blocks that are encoded
  Array<float> partials;      // maximum, sum, accumulator of every (row, span)
  Objects<Scratch> scratch;   // [threads]

  bool prepareScratch(const Setup &setup, int threads, int rows);
};

struct AttendNumbers {
  double dense = 0, required = 0, executed = 0;
  bool cancelled = false;
};

/** `call` comes with everything but rope, q and tiles. Results do not depend on the number of threads nor on how tokens are cut into calls, nor on whether they are sampled. */
Status attend(Call call, RopeCache *rope, Workspace *workspace, Threads *threads, Activity *activity, AttendNumbers *numbers);

}  // namespace deltallm
