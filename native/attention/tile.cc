// One span of tiles for one query group and KV head: which form each tile is read in, which tokens count, and the kernel calls.
#include <string.h>

#include "attention/call.h"
#include "attention/regions.h"
#include "attention/rope.h"
#include "kv/basis.h"
#include "kv/half.h"

namespace deltallm {

bool isCancelled(const int32_t *word) {
#ifdef _MSC_VER
  return *static_cast<const volatile int32_t *>(word) != 0;
#else
  return __atomic_load_n(word, __ATOMIC_RELAXED) != 0;
#endif
}

bool Scratch::prepare(const Setup &setup, int rows) {
  const size_t D = setup.keyLength, width = setup.valueWidth, n = rows;
  const size_t sizes[] = {D * DL_TILE, width * DL_TILE, n * DL_TILE, n * DL_TILE, n * D, n * D, n * D, n, n, 2 * D, n * width, n * width, n, n, n, n, n};
  float **const parts[] = {&keys, &values, &scores, &sinkScores, &moved, &scaled, &turned, &unit, &weightUnit, &angles, &acc, &totalAcc, &maximum, &sum, &alpha, &totalMaximum, &totalSum};
  size_t total = 0;
  for (size_t size : sizes) total += (size + 15) / 16 * 16;
  if (!memory.atLeast(total) || !lanes.atLeast(n) || !whole.atLeast(n * (DL_EVEN(D) + DL_TILE)) || !work.atLeast(setup.kvHeads)) return false;
  rounded = whole.data();
  weights = rounded + n * DL_EVEN(D);
  float *at = memory.data();
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    *parts[i] = at;
    at += (sizes[i] + 15) / 16 * 16;
  }
  movedBy = 0;
  scaledFrom = nullptr;
  for (int h = 0; h < setup.kvHeads; h++) work[h] = Work();
  return true;
}

namespace {

/** What one pass over a tile works on. */
struct Pass {
  const Call &call;
  const QueryGroup &group;
  int kvHead;
  int rows;
  Scratch &scratch;

  const Setup &setup() const { return *call.setup; }
  const dl_kernels &kernels() const { return *call.kernels; }
};

/** The tokens of an entry that each row may see, into scratch.lanes; returns their union. */
uint64_t visibleLanes(const Pass &pass, const Entry &entry) {
  const Call &call = pass.call;
  const int sliding = call.own().slidingWindow;
  const uint64_t stored = entry.block->valid[call.layer * call.setup->kvHeads + pass.kvHead] & lowBits(entry.count);
  uint64_t any = 0;
  for (int i = 0; i < pass.group.tokens; i++) {
    const int position = call.start + pass.group.token + i;
    uint64_t lanes = stored & lowBits(position - entry.first + 1);
    if (sliding > 0) lanes &= ~lowBits(position - sliding + 1 - entry.first);
    for (int g = 0; g < call.setup->group; g++) pass.scratch.lanes[i * call.setup->group + g] = lanes;
    any |= lanes;
  }
  return any;
}

/** The group's queries, rotated to i − by. */
void turnQueries(const Pass &pass, int by, float *to) {
  const Call &call = pass.call;
  const Setup &setup = *call.setup;
  const size_t D = setup.keyLength;
  for (int i = 0; i < pass.group.tokens; i++) {
    const int token = pass.group.token + i;
    ropeRow(call.own(), call.start + token - by, pass.scratch.angles);
    const float *q = call.qkv + static_cast<size_t>(token) * call.qkvWidth() + static_cast<size_t>(pass.kvHead) * setup.group * D;
    for (int g = 0; g < setup.group; g++) rotateHead(q + g * D, pass.scratch.angles, call.own().pairs, setup.keyLength, to + (static_cast<size_t>(i) * setup.group + g) * D);
  }
}

/** The group's queries as an entry moved by δ must see them: rotated to i − δ. */
const float *queriesFor(const Pass &pass, int delta) {
  const Call &call = pass.call;
  const Setup &setup = *call.setup;
  if (delta == 0) return call.q + (static_cast<size_t>(pass.kvHead) * call.tokens + pass.group.token) * setup.group * setup.keyLength;
  Scratch &scratch = pass.scratch;
  if (scratch.movedBy == delta) return scratch.moved;
  turnQueries(pass, delta, scratch.moved);
  scratch.movedBy = delta;
  if (scratch.scaledFrom == scratch.moved) scratch.scaledFrom = nullptr;
  return scratch.moved;
}

/** Makes the whole numbers of `scaled`, which were made from `from`. */
void roundQueries(const Pass &pass, const float *from) {
  Scratch &scratch = pass.scratch;
  pass.kernels().round16(scratch.scaled, pass.setup().keyLength, pass.rows, scratch.rounded, scratch.unit);
  scratch.scaledFrom = from;
}

/** With a basis: q′ = A⁻ᵀ·q turned to i − δ − origin, times the step table: one matrix of 64 columns after another takes the place of a tile of keys. */
void basisQueries(const Pass &pass, int by) {
  const Setup &setup = pass.setup();
  Scratch &scratch = pass.scratch;
  if (scratch.scaledFrom == scratch.turned && scratch.scaledBy == by) return;
  const int D = setup.keyLength, tiles = queryTileCount(D);
  const size_t tile = static_cast<size_t>(D) * DL_TILE;
  const float *columns = pass.call.own().queryTiles.data() + tile * tiles * pass.kvHead;
  turnQueries(pass, by, scratch.turned);
  for (int c = 0; c < tiles; c++, columns += tile) {
    const int width = D - c * DL_TILE < DL_TILE ? D - c * DL_TILE : DL_TILE;
    pass.kernels().scores_f32(columns, D, scratch.turned, pass.rows, scratch.sinkScores);
    for (int r = 0; r < pass.rows; r++) memcpy(scratch.scaled + static_cast<size_t>(r) * D + c * DL_TILE, scratch.sinkScores + r * DL_TILE, sizeof(float) * width);
  }
  scratch.work[pass.kvHead].executed += static_cast<double>(pass.rows) * tiles * tile;
  scratch.scaledBy = by;
  roundQueries(pass, scratch.turned);
}

/** Queries times the step table: integer steps then need no factor. */
void scaledQueries(const Pass &pass, const float *q) {
  Scratch &scratch = pass.scratch;
  if (scratch.scaledFrom == q) return;
  const int D = pass.setup().keyLength;
  const float *step = pass.call.own().step.data() + static_cast<size_t>(pass.kvHead) * D;
  for (int r = 0; r < pass.rows; r++)
    for (int d = 0; d < D; d++) scratch.scaled[r * D + d] = q[r * D + d] * step[d];
  roundQueries(pass, q);
}

void exactScores(const Pass &pass, const Block &block, const float *q) {
  const Setup &setup = pass.setup();
  const int D = setup.keyLength;
  const uint8_t *keys = exactKeys(setup, block, pass.call.layer, pass.kvHead);
  if (!setup.delta) {
    pass.kernels().scores_f32(reinterpret_cast<const float *>(keys), D, q, pass.rows, pass.scratch.scores);
  } else if (pass.rows <= pass.kernels().fused_rows) {
    pass.kernels().scores_f16(reinterpret_cast<const uint16_t *>(keys), D, q, pass.rows, pass.scratch.scores);
  } else {
    pass.kernels().expand_f16(reinterpret_cast<const uint16_t *>(keys), D * DL_TILE, pass.scratch.keys);
    pass.kernels().scores_f32(pass.scratch.keys, D, q, pass.rows, pass.scratch.scores);
  }
}

/** Extra keyframes (rare): their scores are put in place of the sums, and a running sum starts again there. */
void extraScores(const Pass &pass, const DeltaHead &head, bool running) {
  const int D = pass.setup().keyLength;
  Scratch &scratch = pass.scratch;
  const int16_t *extra = head.extra;
  for (int t = 0; t < DL_TILE; t++) {
    if (!(head.extraTokens >> t & 1)) continue;
    pass.kernels().score_i16(extra, D, scratch.rounded, scratch.unit, pass.rows, scratch.scores + t);
    extra += D;
  }
  if (!running) return;
  for (int r = 0; r < pass.rows; r++) {
    float *s = scratch.scores + r * DL_TILE;
    for (int t = 1; t < DL_TILE; t++)
      if (!(head.extraTokens >> t & 1)) s[t] += s[t - 1];
  }
}

/** With a basis only sinks are read with the queries themselves, and most blocks have none: those of a moved block are turned when they are wanted. */
void deltaScores(const Pass &pass, const Entry &entry, const DeltaHead &head, dl_ahead *ahead) {
  const Setup &setup = pass.setup();
  const dl_kernels &kernels = pass.kernels();
  const int D = setup.keyLength;
  Scratch &scratch = pass.scratch;
  const Block &block = *entry.block;
  if (setup.basis) basisQueries(pass, entry.delta + originOf(block.base));
  else scaledQueries(pass, queriesFor(pass, entry.delta));
  const dl_delta_keys keys = {head.masks, head.packed, head.keyframe, setup.mean};
  kernels.scores_delta(&keys, D, scratch.rounded, scratch.unit, pass.rows, scratch.scores, ahead);
  if (head.extraTokens) extraScores(pass, head, !setup.mean);
  else if (!setup.mean) kernels.scan(scratch.scores, pass.rows);
  const int sinks = sinkTokens(setup, block);
  if (!sinks) return;
  memset(scratch.keys, 0, sizeof(float) * D * DL_TILE);
  for (int t = 0; t < sinks; t++)
    for (int d = 0; d < D; d++) scratch.keys[d * DL_TILE + t] = halfToFloat(head.sinkKeys[t * D + d]);
  kernels.scores_f32(scratch.keys, D, queriesFor(pass, entry.delta), pass.rows, scratch.sinkScores);
  for (int r = 0; r < pass.rows; r++) memcpy(scratch.scores + r * DL_TILE, scratch.sinkScores + r * DL_TILE, sizeof(float) * sinks);
}

/** The first row's heads come first: their softmax over this tile alone, for whoever looks. */
void noteTile(const Pass &pass, int entry) {
  const Tiles *tiles = pass.call.tiles;
  if (!tiles || pass.group.token != 0 || pass.call.entries[entry].first > pass.call.start) return;
  const LayerSetup &own = pass.call.own();
  const Setup &setup = pass.setup();
  const size_t at = static_cast<size_t>(entry) * setup.heads + static_cast<size_t>(pass.kvHead) * setup.group;
  float *weights = tiles->weights + at * DL_TILE;
  memcpy(weights, pass.scratch.scores, sizeof(float) * setup.group * DL_TILE);
  pass.kernels().softmax(weights, setup.group, pass.scratch.lanes.data(), own.scale, own.softcap, nullptr, nullptr, nullptr, tiles->maximum + at, tiles->sum + at, pass.scratch.alpha);
}

/** Rows that still weigh something: with none, the tile's values need not be read. `whole`: where weights go as whole numbers, or null. */
int softmax(const Pass &pass, int entry, const uint16_t *valueScales, int16_t *whole, const Partial &partial) {
  const LayerSetup &own = pass.call.own();
  Scratch &scratch = pass.scratch;
  noteTile(pass, entry);
  return pass.kernels().softmax(scratch.scores, pass.rows, scratch.lanes.data(), own.scale, own.softcap, valueScales, whole, scratch.weightUnit, partial.maximum, partial.sum, scratch.alpha);
}

/** Whether the tile's values were mixed in. */
bool exactTile(const Pass &pass, int entry, const Block &block, const float *q, int tokens, const Partial &partial) {
  const Setup &setup = pass.setup();
  const dl_kernels &kernels = pass.kernels();
  const int width = setup.valueWidth;
  exactScores(pass, block, q);
  if (!softmax(pass, entry, nullptr, nullptr, partial)) return false;
  const uint8_t *values = exactValues(setup, block, pass.call.layer, pass.kvHead);
  const float *weights = pass.scratch.scores;
  if (!setup.delta) {
    kernels.values_f32(reinterpret_cast<const float *>(values), width, tokens, weights, pass.rows, pass.scratch.alpha, partial.acc);
  } else if (pass.rows <= kernels.fused_rows) {
    kernels.values_f16(reinterpret_cast<const uint16_t *>(values), width, tokens, weights, pass.rows, pass.scratch.alpha, partial.acc);
  } else {
    kernels.expand_f16(reinterpret_cast<const uint16_t *>(values), width * tokens, pass.scratch.values);
    kernels.values_f32(pass.scratch.values, width, tokens, weights, pass.rows, pass.scratch.alpha, partial.acc);
  }
  return true;
}

bool deltaTile(const Pass &pass, int entry, const DeltaHead &head, int tokens, dl_ahead *ahead, const Partial &partial) {
  const Setup &setup = pass.setup();
  const dl_kernels &kernels = pass.kernels();
  const Entry &at = pass.call.entries[entry];
  const int width = setup.valueWidth, sinks = sinkTokens(setup, *at.block);
  deltaScores(pass, at, head, ahead);
  uint16_t scales[DL_TILE];
  memcpy(scales, head.scales, sizeof scales);
  for (int t = 0; t < sinks; t++) scales[t] = 0x3c00;  // 1: sink values are whole
  if (!softmax(pass, entry, scales, sinks ? nullptr : pass.scratch.weights, partial)) return false;
  if (!sinks) {
    kernels.values_i8(head.values, width, tokens, pass.scratch.weights, pass.scratch.weightUnit, pass.rows, pass.scratch.alpha, partial.acc, ahead);
    return true;
  }
  kernels.expand_i8(head.values, width * tokens, pass.scratch.values);
  for (int i = 0; i < sinks * width; i++) pass.scratch.values[i] = halfToFloat(head.sinkValues[i]);
  kernels.values_f32(pass.scratch.values, width, tokens, pass.scratch.scores, pass.rows, pass.scratch.alpha, partial.acc);
  return true;
}

/** A tile's delta form, to be asked for early: blocks lie apart, the hardware does not see them coming. Nothing where it has none. */
dl_ahead tileAhead(const Call &call, const Entry &entry, int kvHead) {
  const DeltaLayer &delta = entry.block->deltas[call.layer];
  if (!delta.bytes) return {};
  const char *bytes = reinterpret_cast<const char *>(delta.bytes);
  const HeadRecord *head = delta.records() + kvHead;
  return {bytes + head->at, bytes + (kvHead + 1 < call.setup->kvHeads ? head[1].at : delta.size)};
}

/** Counted from totals of the block, not element by element. `mixed`: whether the tile's values were read. */
void countOperations(const Pass &pass, const Entry &entry, bool delta, bool mixed, uint64_t any) {
  const Setup &setup = pass.setup();
  const double D = setup.keyLength, Dv = setup.valueLength;
  Work &work = pass.scratch.work[pass.kvHead];
  double visible = 0;
  for (int i = 0; i < pass.group.tokens; i++) visible += popcount64(pass.scratch.lanes[i * setup.group]);
  double keyOperations = visible * D;
  if (delta) {
    const int sinks = sinkTokens(setup, *entry.block);
    const HeadRecord &head = entry.block->deltas[pass.call.layer].records()[pass.kvHead];
    const double stored = head.packedLength + D * (1 + popcount64(head.extraTokens) + sinks);
    keyOperations = pass.group.tokens * stored * entry.count / kBlockTokens;
    if (keyOperations > visible * D) keyOperations = visible * D;
  }
  work.required += setup.group * (keyOperations + visible * Dv);
  int tokens = 64;
  while (!(any >> (tokens - 1) & 1)) tokens--;
  work.executed += static_cast<double>(pass.rows) * (D * kBlockTokens + (mixed ? static_cast<double>(setup.valueWidth) * tokens : 0));
}

}  // namespace

bool attendSpan(const Call &call, const QueryGroup &group, const Span &span, const Span &next, Scratch *scratch, const Partial &partial) {
  const Setup &setup = *call.setup;
  const int kvHead = span.kvHead;
  const Pass pass = {call, group, kvHead, group.tokens * setup.group, *scratch};
  for (int r = 0; r < pass.rows; r++) {
    partial.maximum[r] = DL_NO_SCORE;
    partial.sum[r] = 0;
  }
  memset(partial.acc, 0, sizeof(float) * pass.rows * setup.valueWidth);
  const int last = call.start + group.token + group.tokens - 1;
  const int end = (span.index + 1) * kSpanEntries < call.entryCount ? (span.index + 1) * kSpanEntries : call.entryCount;
  for (int e = span.index * kSpanEntries; e < end; e++) {
    const Entry &entry = call.entries[e];
    if (entry.first > last) break;
    if (isCancelled(call.cancel)) return false;
    const uint64_t any = visibleLanes(pass, entry);
    if (!any) continue;
    int tokens = kBlockTokens;
    while (!(any >> (tokens - 1) & 1)) tokens--;
    const Block &block = *entry.block;
    dl_ahead ahead = {};
    if (e + 1 < end) ahead = tileAhead(call, call.entries[e + 1], kvHead);
    else if (next.index * kSpanEntries < call.entryCount) ahead = tileAhead(call, call.entries[next.index * kSpanEntries], next.kvHead);
    const bool hasDelta = block.deltas[call.layer].bytes != nullptr;
    const bool useDelta = hasDelta && (!block.exact || !isNear(setup, entry.first / kBlockTokens, group.block));
    const bool mixed = useDelta ? deltaTile(pass, e, deltaHead(setup, block.deltas[call.layer], sinkTokens(setup, block), kvHead), tokens, &ahead, partial)
                                : exactTile(pass, e, block, queriesFor(pass, entry.delta), tokens, partial);
    countOperations(pass, entry, useDelta, mixed, any);
  }
  return true;
}

}  // namespace deltallm
