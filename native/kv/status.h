// What native code may answer; the names are NativeErrorCode in src/binding/addon.ts.
#pragma once

namespace deltallm {

enum class Status { ok, invalidArgument, kernelSetUnknown, outOfMemory, blockDamaged, blockForeign, noExactForm };

}  // namespace deltallm
