// A store's blocks behind integer handles: reference counts, copy-on-write, rewinding, dropping, and the bytes they hold.
#pragma once
#include "kv/block.h"

namespace deltallm {

struct BlockNumbers {
  int base, count;
  double bytes, exactBytes, deltaBytes, keyElements, keyZeros, keyframes, masked;
};

struct PoolNumbers {
  int blocks;
  double bytes, exactBytes, deltaBytes;
};

/** Elements of delta-coded tokens that are no keyframe, and the zeros among them. */
struct CodedNumbers {
  double elements, zeros;
};

/** Handles are positive: slot + 1 in the low 20 bits, the slot's generation above, so that a stale handle is refused. */
class Pool {
 public:
  explicit Pool(const Setup &setup) : setup_(setup) {}
  ~Pool();
  Pool(const Pool &) = delete;
  Pool &operator=(const Pool &) = delete;

  /** The block of a live handle, or null. */
  Block *find(int handle) const;

  Status allocate(int *handle);
  /** Takes over a parsed block. On failure the block is freed. */
  Status adopt(Block *block, int *handle);
  Status retain(int handle);
  Status release(int handle);
  Status fork(int handle, int count, int *forked);
  Status truncate(int handle, int count);
  Status dropExact(int handle);
  Status numbers(int handle, BlockNumbers *numbers) const;
  PoolNumbers totals() const;
  /** Of all blocks, `[layers, kvHeads]`, added to what is there. */
  void coded(CodedNumbers *numbers) const;

 private:
  struct Slot {
    Block *block;
    int generation;
    int nextFree;
  };
  bool grow();

  const Setup &setup_;
  Array<Slot> slots_;
  int used_ = 0;         // slots ever used
  int firstFree_ = -1;   // slots given back
};

}  // namespace deltallm
