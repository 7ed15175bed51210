// CPUID and XCR0 on x86-64; on arm64 NEON is part of the base architecture, and the system says whether there are dot products.
#include "dispatch/cpu.h"

#include <string.h>
#include <stdint.h>

#if defined(__x86_64__) && !defined(_MSC_VER)
#include <cpuid.h>
#define DELTALLM_CPUID 1
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace deltallm {
namespace {

enum { kPopcnt, kF16c, kFma, kAvx2, kAvx512f, kAvx512bw, kAvx512dq, kAvx512vl, kAvx512vbmi2, kAvx512vnni, kNeon, kDotprod, kCount };

struct Table {
  CpuFeature features[kCount + 1] = {{"popcnt", false},   {"f16c", false},     {"fma", false},         {"avx2", false},       {"avx512f", false}, {"avx512bw", false},
                                     {"avx512dq", false}, {"avx512vl", false}, {"avx512vbmi2", false}, {"avx512vnni", false}, {"neon", false},    {"dotprod", false},
                                     {nullptr, false}};

  Table() {
#ifdef DELTALLM_CPUID
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return;
    features[kPopcnt].present = c >> 23 & 1;
    if (!(c >> 27 & 1)) return;  // no XGETBV: the system saves no wide registers
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    const bool ymm = (low & 0x06) == 0x06, zmm = (low & 0xe6) == 0xe6;
    features[kF16c].present = ymm && (c >> 29 & 1);
    features[kFma].present = ymm && (c >> 12 & 1);
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    features[kAvx2].present = ymm && (b >> 5 & 1);
    features[kAvx512f].present = zmm && (b >> 16 & 1);
    features[kAvx512dq].present = zmm && (b >> 17 & 1);
    features[kAvx512bw].present = zmm && (b >> 30 & 1);
    features[kAvx512vl].present = zmm && (b >> 31 & 1);
    features[kAvx512vbmi2].present = zmm && (c >> 6 & 1);
    features[kAvx512vnni].present = zmm && (c >> 11 & 1);
#elif defined(__aarch64__) || defined(_M_ARM64)
    features[kNeon].present = true;
#if defined(__linux__)
    features[kDotprod].present = getauxval(AT_HWCAP) >> 20 & 1;  // HWCAP_ASIMDDP
#elif defined(__APPLE__)
    int has = 0;
    size_t size = sizeof has;
    features[kDotprod].present = sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &size, nullptr, 0) == 0 && has;
#endif
#endif
  }
};

const Table kTable;  // filled when the library is loaded, before any thread can ask

}  // namespace

const CpuFeature *cpuFeatures() { return kTable.features; }

bool cpuHas(const char *name) {
  for (const CpuFeature *f = cpuFeatures(); f->name; f++)
    if (strcmp(f->name, name) == 0) return f->present;
  return false;
}

}  // namespace deltallm
