// The instruction-set flags of native/binding.gyp, for the kernel files that are compiled by themselves.
const avx512 = ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mf16c', '-mpopcnt'];

/** By kernel set. */
export const X86_FLAGS = { avx2: ['-mavx2', '-mfma', '-mf16c', '-mpopcnt'], avx512, avx512vbmi2: [...avx512, '-mavx512vbmi2', '-mavx512vnni'] };
