// Delta coding: from the exact form of a full layer of a block to its delta form, once, when it is first wanted.
#pragma once
#include "kv/block.h"

namespace deltallm {

struct HeadDraft;

/** The steps of encodeLayer, for whoever shares heads out among threads: begin, every draft, place, every store. Without the last the block stays as it was. */
class LayerCoding {
 public:
  /** `drafts`: memory that may be used again. */
  LayerCoding(const Setup &setup, Block *block, int layer, Array<HeadDraft> *drafts) : setup_(setup), block_(block), layer_(layer), drafts_(*drafts) {}
  ~LayerCoding();
  LayerCoding(const LayerCoding &) = delete;
  LayerCoding &operator=(const LayerCoding &) = delete;

  Status begin();
  /** One head's deltas. On any thread. */
  void draft(int kvHead);
  /** Room for what the drafts need. */
  Status place();
  /** One head into its place. On any thread. */
  void store(int kvHead);
  /** The block has its delta form. */
  void finish();

 private:
  const Setup &setup_;
  Block *block_;
  const int layer_;
  Array<HeadDraft> &drafts_;
  DeltaLayer made_;
};

/**
 * Makes the delta form of one layer, all heads, from its 64 exact tokens, where it is not there yet. Nothing depends on when: it is a function of the
 * exact form, and what is only read exactly never needs it. Closed loop against what is stored:
 * |k − r·s| ≤ max(θ, s/2) for every element unless r·s lies beyond int16. The same bits on every CPU: integers and IEEE double.
 */
Status encodeLayer(const Setup &setup, Block *block, int layer);
/** The same for all layers. An open block is refused (invalidArgument); nothing to do in mode exact. */
Status encodeBlock(const Setup &setup, Block *block);

}  // namespace deltallm
