// The table of kernel sets: one line a set.
#include "dispatch/dispatch.h"

#include <string.h>

#include "dispatch/cpu.h"

namespace deltallm {

const KernelSet *kernelSets() {
  static const KernelSet sets[] = {
#ifdef DELTALLM_X86_KERNELS
      {&dl_kernels_avx512vbmi2, {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi2", "fma", "f16c", "popcnt", nullptr}},
      {&dl_kernels_avx512, {"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma", "f16c", "popcnt", nullptr}},
      {&dl_kernels_avx2, {"avx2", "fma", "f16c", "popcnt", nullptr}},
#endif
#ifdef DELTALLM_NEON_KERNELS
      {&dl_kernels_neon, {"neon", nullptr}},
#endif
      {&dl_kernels_scalar, {nullptr}},
      {nullptr, {nullptr}},
  };
  return sets;
}

bool usable(const KernelSet &set) {
  for (const char *const *need = set.needs; *need; need++)
    if (!cpuHas(*need)) return false;
  return true;
}

const dl_kernels *selectKernels(const char *name) {
  for (const KernelSet *set = kernelSets(); set->kernels; set++)
    if (usable(*set) && (strcmp(name, "auto") == 0 || strcmp(name, set->kernels->name) == 0)) return set->kernels;
  return nullptr;
}

}  // namespace deltallm
