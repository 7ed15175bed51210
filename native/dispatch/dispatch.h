// The kernel sets compiled in, best first, and which of them may run here.
#pragma once
#include "kernels/kernels.h"
#include "kernels/products.h"

namespace deltallm {

/** One name for the kernels of both families that go together on a CPU. */
struct KernelSet {
  const char *name;
  const dl_kernels *attention;
  const dl_products *products;
  /** Names of dispatch/cpu.h that must all be present; null-terminated. */
  const char *needs[11];
};

/** Best first, `scalar` last; terminated by an entry whose name is null. */
const KernelSet *kernelSets();
bool usable(const KernelSet &set);

/** The set of that name if it is usable, the best usable one for "auto", null for anything else. */
const KernelSet *selectKernels(const char *name);

}  // namespace deltallm
