// The table of kernel sets: one line a set.
#include "dispatch/dispatch.h"

#include <string.h>

#include "dispatch/cpu.h"

namespace deltallm {

const KernelSet *kernelSets() {
  static const KernelSet sets[] = {
#ifdef DELTALLM_X86_KERNELS
      {"avx512vbmi2", &dl_kernels_avx512vbmi2, &dl_products_avx512vnni, {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi2", "avx512vnni", "avx2", "fma", "f16c", "popcnt", nullptr}},
      {"avx512vnni", &dl_kernels_avx512, &dl_products_avx512vnni, {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni", "avx2", "fma", "f16c", "popcnt", nullptr}},
      {"avx512", &dl_kernels_avx512, &dl_products_avx2, {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma", "f16c", "popcnt", nullptr}},
      {"avx2", &dl_kernels_avx2, &dl_products_avx2, {"avx2", "fma", "f16c", "popcnt", nullptr}},
#endif
#ifdef DELTALLM_NEON_KERNELS
      {"neondot", &dl_kernels_neon, &dl_products_neondot, {"neon", "dotprod", nullptr}},
      {"neon", &dl_kernels_neon, &dl_products_neon, {"neon", nullptr}},
#endif
      {"scalar", &dl_kernels_scalar, &dl_products_scalar, {nullptr}},
      {nullptr, nullptr, nullptr, {nullptr}},
  };
  return sets;
}

bool usable(const KernelSet &set) {
  for (const char *const *need = set.needs; *need; need++)
    if (!cpuHas(*need)) return false;
  return true;
}

const KernelSet *selectKernels(const char *name) {
  for (const KernelSet *set = kernelSets(); set->name; set++)
    if (usable(*set) && (strcmp(name, "auto") == 0 || strcmp(name, set->name) == 0)) return set;
  return nullptr;
}

}  // namespace deltallm
