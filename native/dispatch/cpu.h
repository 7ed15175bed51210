// What this CPU can do and what the operating system saves of it, found at run time.
#pragma once

namespace deltallm {

struct CpuFeature {
  const char *name;
  bool present;
};

/** All features that a kernel set may ask for; terminated by an entry whose name is null. Computed once. */
const CpuFeature *cpuFeatures();

/** Whether the named feature is present; false for unknown names. */
bool cpuHas(const char *name);

}  // namespace deltallm
