# The only place with instruction-set flags: one static library for each kernel file, so that a flag never reaches code that runs everywhere.
{
  'variables': {
    'arm64_posix%': '<!(node -p "process.platform !== \'win32\' && (process.env.npm_config_arch || process.arch) === \'arm64\' ? 1 : 0")',
    'x86_64_posix%': '<!(node -p "process.platform !== \'win32\' && (process.env.npm_config_arch || process.arch) === \'x64\' ? 1 : 0")',
  },
  'target_defaults': {
    'defines': ['NAPI_VERSION=8', 'NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED'],
    'include_dirs': ['.'],
    'cflags': ['-fPIC', '-fvisibility=hidden', '-ffp-contract=off', '-fno-math-errno', '-Wall', '-Wextra', '-Wno-unused-parameter'],
    'cflags_cc': ['-fvisibility-inlines-hidden'],
    'xcode_settings': {
      'OTHER_CFLAGS': ['-fvisibility=hidden', '-ffp-contract=off'],
      'CLANG_CXX_LIBRARY': 'libc++',
      'MACOSX_DEPLOYMENT_TARGET': '12.0',
    },
    'msvs_settings': {'VCCLCompilerTool': {'FloatingPointModel': 0, 'AdditionalOptions': ['/std:c++17', '/fp:precise']}},
    'conditions': [
      ['OS=="linux"', {'cflags': ['-include', '<(module_root_dir)/dispatch/glibc_floor.h']}],
      ['arm64_posix==1', {'defines': ['DELTALLM_NEON_KERNELS']}],
      ['x86_64_posix==1', {'defines': ['DELTALLM_X86_KERNELS']}],
    ],
  },
  'targets': [
    {
      'target_name': 'kernels_scalar',
      'type': 'static_library',
      'sources': ['kernels/scalar.cc', 'kernels/products_scalar.cc'],
    },
    {
      'target_name': 'deltallm',
      'dependencies': ['kernels_scalar'],
      'sources': [
        'attention/append.cc',
        'attention/attend.cc',
        'attention/rope.cc',
        'attention/threads.cc',
        'attention/tile.cc',
        'binding/arguments.cc',
        'binding/attend.cc',
        'binding/blocks.cc',
        'binding/configuration.cc',
        'binding/exports.cc',
        'binding/products.cc',
        'binding/state.cc',
        'dispatch/cpu.cc',
        'dispatch/denormals.cc',
        'dispatch/dispatch.cc',
        'kv/block.cc',
        'kv/checksum.cc',
        'kv/encode.cc',
        'kv/memory.cc',
        'kv/pool.cc',
        'kv/serialize.cc',
        'products/logits.cc',
        'products/product.cc',
        'products/types.cc',
        'products/weights.cc',
      ],
      'conditions': [
        ['arm64_posix==1', {'dependencies': ['kernels_neon', 'products_neondot']}],
        ['x86_64_posix==1', {'dependencies': ['kernels_avx2', 'kernels_avx512', 'kernels_avx512vbmi2', 'products_avx512vnni']}],
        ['OS=="linux"', {'ldflags': ['-static-libstdc++', '-static-libgcc', '-Wl,--exclude-libs,ALL', '-Wl,-z,relro,-z,now'], 'libraries': ['-lpthread']}],
      ],
    },
  ],
  'conditions': [
    ['arm64_posix==1', {
      'targets': [
        {'target_name': 'kernels_neon', 'type': 'static_library', 'sources': ['kernels/neon.cc', 'kernels/products_neon.cc']},
        {
          'target_name': 'products_neondot',
          'type': 'static_library',
          'sources': ['kernels/products_neondot.cc'],
          'cflags': ['-march=armv8.2-a+dotprod'],
          'xcode_settings': {'OTHER_CFLAGS': ['-march=armv8.2-a+dotprod']},
        },
      ],
    }],
    ['x86_64_posix==1', {
      'targets': [
        {
          'target_name': 'kernels_avx2',
          'type': 'static_library',
          'sources': ['kernels/avx2.cc', 'kernels/products_avx2.cc'],
          'cflags': ['-Wno-uninitialized', '-Wno-maybe-uninitialized', '-mavx2', '-mfma', '-mf16c', '-mpopcnt'],
          'xcode_settings': {'OTHER_CFLAGS': ['-mavx2', '-mfma', '-mf16c', '-mpopcnt']},
        },
        {
          'target_name': 'kernels_avx512',
          'type': 'static_library',
          'sources': ['kernels/avx512.cc'],
          'cflags': ['-Wno-uninitialized', '-Wno-maybe-uninitialized', '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mf16c', '-mpopcnt'],
          'xcode_settings': {'OTHER_CFLAGS': ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mf16c', '-mpopcnt']},
        },
        {
          'target_name': 'kernels_avx512vbmi2',
          'type': 'static_library',
          'sources': ['kernels/avx512vbmi2.cc'],
          'cflags': ['-Wno-uninitialized', '-Wno-maybe-uninitialized', '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512vbmi2', '-mfma', '-mf16c', '-mpopcnt'],
          'xcode_settings': {'OTHER_CFLAGS': ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512vbmi2', '-mfma', '-mf16c', '-mpopcnt']},
        },
        {
          'target_name': 'products_avx512vnni',
          'type': 'static_library',
          'sources': ['kernels/products_avx512vnni.cc'],
          'cflags': ['-Wno-uninitialized', '-Wno-maybe-uninitialized', '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512vnni', '-mfma', '-mf16c', '-mpopcnt'],
          'xcode_settings': {'OTHER_CFLAGS': ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512vnni', '-mfma', '-mf16c', '-mpopcnt']},
        },
      ],
    }],
  ],
}
