// What the attends of one store came to: work by layer and KV head, text that is read apart from text that is written; and, where somebody asked for it,
// what the row written last looked at. Counts fall out of attention; of the one row that is looked at, the softmax is made a second time.
#pragma once
#include "kernels/kernels.h"
#include "kv/setup.h"

namespace deltallm {

/** What the new tokens of a call are. */
enum class Phase { read = 0, written = 1 };
constexpr int kPhases = 2;

/** Multiply-adds of one layer and KV head, all its query heads; see AttendStats. */
struct Work {
  double dense = 0, required = 0, executed = 0;
};

/** The softmax of one row, tile by tile, each with a maximum of its own. `heads` of an entry lie together. */
struct Tiles {
  float *maximum, *sum;  // [entries, heads]
  float *weights;        // [entries, heads, 64]
};

/** The attention of one row of queries, at all layers: of the first row of a written pass, whose token is no guess. */
struct Sample {
  int position = -1;     // of the row; −1: there is none
  int blocks = 0;        // entries that it looked at, its own included
  Array<float> sinks;    // [layers, heads]
  Array<float> rest;     // [layers, blocks] mean over the heads, without the sinks: together with the mean of theirs 1
  Array<float> tokens;   // [position + 1] mean over layers and heads, 0 for the sinks
};

struct Call;

class Activity {
 public:
  /** False when memory is short. */
  bool prepare(const Setup &setup);

  Work &work(Phase phase, int layer, int kvHead) { return work_[(static_cast<size_t>(phase) * layers_ + layer) * kvHeads_ + kvHead]; }
  /** Tokens that went through the first layer. */
  double tokens[kPhases] = {};

  /** The next written pass is sampled. */
  void want() { wanted_ = true; }
  const Sample &sample() const { return last_; }

  /** Where the tiles of a call are to be noted, or null. Layers must come in order from 0: a pass that another one cuts short is forgotten. */
  const Tiles *begin(const Setup &setup, int layer, Phase phase, int position, int blocks);
  /** The call's tiles are complete. */
  void finish(const Call &call);

 private:
  size_t layers_ = 0, kvHeads_ = 0;
  Array<Work> work_;
  bool wanted_ = false;
  int due_ = -1;  // the layer that comes next of the pass that is sampled
  Sample made_, last_;
  Array<float> notes_;  // what tiles_ points to
  Tiles tiles_ = {nullptr, nullptr, nullptr};
};

}  // namespace deltallm
