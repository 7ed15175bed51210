// The kernel sets compiled in, best first, and which of them may run here.
#pragma once
#include "kernels/kernels.h"

namespace deltallm {

struct KernelSet {
  const dl_kernels *kernels;
  /** Names of dispatch/cpu.h that must all be present; null-terminated. */
  const char *needs[10];
};

/** Best first, `scalar` last; terminated by an entry whose kernels are null. */
const KernelSet *kernelSets();
bool usable(const KernelSet &set);

/** The set of that name if it is usable, the best usable one for "auto", null for anything else. */
const dl_kernels *selectKernels(const char *name);

}  // namespace deltallm
