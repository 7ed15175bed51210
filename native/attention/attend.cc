// The canonical order: entries in index order within spans of 16, span partials merged in index order. Work is cut by KV head and query
// group; for few tokens also by span, with the partials kept until all are there: the same sums either way.
#include "attention/attend.h"

#include <string.h>

#include "attention/append.h"
#include "dispatch/denormals.h"

namespace deltallm {
namespace {

constexpr int kSplitTokens = 16;             // calls up to this size are cut by span too
constexpr double kWorthWaking = 1.5e6;       // multiply-adds below which helpers stay parked

struct Job {
  const Call &call;
  const QueryGroup *groups;
  int groupCount;
  int spans;
  int threads;
  bool split;
  float *partials;   // split: [item][rows·(2 + width)]
  size_t partialFloats;
  Scratch *scratch;
  int32_t cancelled; // set by any thread
};

Partial partialAt(float *memory, int rows) { return {memory, memory + rows, memory + 2 * rows}; }

void startTotals(const Setup &setup, Scratch *scratch, int rows) {
  for (int r = 0; r < rows; r++) {
    scratch->totalMaximum[r] = DL_NO_SCORE;
    scratch->totalSum[r] = 0;
  }
  memset(scratch->totalAcc, 0, sizeof(float) * rows * setup.valueWidth);
}

void mergePartial(const Call &call, Scratch *scratch, int rows, const Partial &partial) {
  const int width = call.setup->valueWidth;
  for (int r = 0; r < rows; r++)
    call.kernels->merge(&scratch->totalMaximum[r], &scratch->totalSum[r], scratch->totalAcc + r * width, partial.maximum[r], partial.sum[r], partial.acc + r * width, width);
}

/** acc / sum; zero where nothing was visible. The added zero turns −0 into 0, so that a sign cannot tell how work was cut. */
void writeRows(const Call &call, const QueryGroup &group, int kvHead, const Scratch &scratch) {
  const Setup &setup = *call.setup;
  for (int i = 0; i < group.tokens; i++)
    for (int g = 0; g < setup.group; g++) {
      const int r = i * setup.group + g;
      const float *acc = scratch.totalAcc + static_cast<size_t>(r) * setup.valueWidth;
      const float inverse = scratch.totalSum[r] > 0 ? 1.0f / scratch.totalSum[r] : 0.0f;
      float *out = call.out + (static_cast<size_t>(group.token + i) * setup.heads + static_cast<size_t>(kvHead) * setup.group + g) * setup.valueLength;
      for (int d = 0; d < setup.valueLength; d++) out[d] = acc[d] * inverse + 0.0f;
    }
}

void markCancelled(Job *job) {
#ifdef _MSC_VER
  *static_cast<volatile int32_t *>(&job->cancelled) = 1;
#else
  __atomic_store_n(&job->cancelled, 1, __ATOMIC_RELAXED);
#endif
}

void runItem(void *context, int thread, int item) {
  Job *job = static_cast<Job *>(context);
  if (isCancelled(&job->cancelled)) return;
  const Call &call = job->call;
  FlushDenormals flush;
  Scratch &scratch = job->scratch[thread];
  scratch.movedBy = 0;
  scratch.scaledFrom = nullptr;
  const int unit = job->split ? item / job->spans : item;
  // Later groups see more tokens: they go first.
  const int kvHead = unit % call.setup->kvHeads;
  const QueryGroup &group = job->groups[job->groupCount - 1 - unit / call.setup->kvHeads];
  const int rows = group.tokens * call.setup->group;
  if (job->split) {
    // While each thread takes one, so many further on is its next.
    const int next = item + job->threads;
    const Span following = {next / job->spans % call.setup->kvHeads, next % job->spans};
    if (!attendSpan(call, group, {kvHead, item % job->spans}, following, &scratch, partialAt(job->partials + job->partialFloats * item, rows))) markCancelled(job);
    return;
  }
  startTotals(*call.setup, &scratch, rows);
  const Partial partial = {scratch.maximum, scratch.sum, scratch.acc};
  for (int span = 0; span < job->spans; span++) {
    if (call.entries[span * kSpanEntries].first > call.start + group.token + group.tokens - 1) break;
    if (!attendSpan(call, group, {kvHead, span}, {kvHead, span + 1}, &scratch, partial)) return markCancelled(job);
    mergePartial(call, &scratch, rows, partial);
  }
  writeRows(call, group, kvHead, scratch);
}

void mergeSpans(const Job &job) {
  FlushDenormals flush;
  const Call &call = job.call;
  Scratch &scratch = job.scratch[0];
  for (int unit = 0; unit < job.groupCount * call.setup->kvHeads; unit++) {
    const QueryGroup &group = job.groups[job.groupCount - 1 - unit / call.setup->kvHeads];
    const int rows = group.tokens * call.setup->group;
    startTotals(*call.setup, &scratch, rows);
    for (int span = 0; span < job.spans; span++) {
      if (call.entries[span * kSpanEntries].first > call.start + group.token + group.tokens - 1) break;
      mergePartial(call, &scratch, rows, partialAt(job.partials + job.partialFloats * (static_cast<size_t>(unit) * job.spans + span), rows));
    }
    writeRows(call, group, unit % call.setup->kvHeads, scratch);
  }
}

/** Most tokens of a query group. */
int groupSize(const Call &call) {
  const int most = kGroupRows / call.setup->group;
  return most < 1 ? 1 : most < call.tokens ? most : call.tokens;
}

/** Cuts the new tokens at placed block borders and into groups of about kGroupRows rows. */
int cutGroups(const Call &call, QueryGroup *groups) {
  const int most = groupSize(call);
  int count = 0;
  for (int token = 0; token < call.tokens;) {
    const int position = call.start + token;
    int tokens = kBlockTokens - position % kBlockTokens;
    if (tokens > most) tokens = most;
    if (tokens > call.tokens - token) tokens = call.tokens - token;
    groups[count++] = {token, tokens, position / kBlockTokens};
    token += tokens;
  }
  return count;
}

/** The queries of one KV head, to their placed positions. */
void rotateQueries(const Call &call, int kvHead, float *q) {
  const Setup &setup = *call.setup;
  const LayerSetup &own = call.own();
  const size_t D = setup.keyLength;
  for (int token = 0; token < call.tokens; token++) {
    const float *row = call.qkv + static_cast<size_t>(token) * call.qkvWidth();
    const float *angles = call.rope + static_cast<size_t>(token) * 2 * own.pairs;
    for (int g = 0; g < setup.group; g++)
      rotateHead(row + (static_cast<size_t>(kvHead) * setup.group + g) * D, angles, own.pairs, setup.keyLength, q + ((static_cast<size_t>(kvHead) * call.tokens + token) * setup.group + g) * D);
  }
}

/** What comes before attention, head by head: its new keys and values are stored, its queries rotated. */
struct Intake {
  const Call &call;
  float *q;
};

void takeHead(void *context, int, int kvHead) {
  const Intake &intake = *static_cast<Intake *>(context);
  appendTokens(intake.call, kvHead);
  rotateQueries(intake.call, kvHead, intake.q);
}

/** Keys that dense causal attention reads for all new tokens. */
double denseKeys(const Call &call) {
  const int sliding = call.own().slidingWindow;
  double keys = 0;
  for (int i = 0; i < call.tokens; i++) {
    const int seen = call.start + i + 1;
    keys += sliding > 0 && sliding < seen ? sliding : seen;
  }
  return keys;
}

}  // namespace

bool Workspace::prepareScratch(const Setup &setup, int threads, int rows) {
  if (static_cast<size_t>(threads) > scratch.size() && !scratch.reset(threads)) return false;
  for (int i = 0; i < threads; i++)
    if (!scratch[i].prepare(setup, rows)) return false;
  return true;
}

Status attend(Call call, RopeCache *rope, Workspace *workspace, Threads *threads, Activity *activity, AttendNumbers *numbers) {
  const Setup &setup = *call.setup;
  Status status = checkTail(call);
  if (status != Status::ok) return status;

  call.rope = rope->rows(setup, call.layer, call.start, call.tokens);
  const int spans = (call.entryCount + kSpanEntries - 1) / kSpanEntries;
  const bool split = call.tokens <= kSplitTokens && spans > 1;
  const int groupTokens = groupSize(call);
  const int rows = groupTokens * setup.group;
  if (!call.rope || !workspace->q.atLeast(static_cast<size_t>(call.tokens) * setup.heads * setup.keyLength) || !workspace->groups.atLeast(call.tokens) ||
      !workspace->prepareScratch(setup, threads->size(), rows))
    return Status::outOfMemory;
  const int groups = cutGroups(call, workspace->groups.data());
  const int units = groups * setup.kvHeads;
  const size_t partialFloats = static_cast<size_t>(rows) * (2 + setup.valueWidth);
  if (split && !workspace->partials.atLeast(partialFloats * units * spans)) return Status::outOfMemory;

  Intake intake = {call, workspace->q.data()};
  threads->run(takeHead, &intake, setup.kvHeads, call.tokens > kSplitTokens);
  countTokens(call);
  status = encodeFar(call, &workspace->drafts, threads);
  if (status != Status::ok) return status;
  call.q = workspace->q.data();
  // Entries behind the first new token hold later ones only.
  int seen = call.entryCount;
  while (call.entries[seen - 1].first > call.start) seen--;
  call.tiles = activity->begin(setup, call.layer, call.phase, call.start, seen);

  Job job = {call, workspace->groups.data(), groups, spans, threads->size(), split, workspace->partials.data(), partialFloats, workspace->scratch.data(), 0};
  const double keys = denseKeys(call);
  numbers->dense = keys * setup.heads * (setup.keyLength + setup.valueLength);
  threads->run(runItem, &job, split ? units * spans : units, numbers->dense > kWorthWaking);
  if (call.layer == 0) activity->tokens[static_cast<int>(call.phase)] += call.tokens;
  for (int h = 0; h < setup.kvHeads; h++) {
    Work &work = activity->work(call.phase, call.layer, h);
    work.dense += numbers->dense / setup.kvHeads;
    for (int i = 0; i < threads->size(); i++) {
      const Work &own = workspace->scratch[i].work[h];
      work.required += own.required;
      work.executed += own.executed;
      numbers->required += own.required;
      numbers->executed += own.executed;
    }
  }
  numbers->cancelled = job.cancelled != 0;
  if (numbers->cancelled) return Status::ok;
  if (split) mergeSpans(job);
  if (call.tiles) activity->finish(call);
  return Status::ok;
}

}  // namespace deltallm
