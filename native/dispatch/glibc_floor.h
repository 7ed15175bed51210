// Included before every file on Linux: binds the few re-versioned symbols we use to versions that glibc 2.28 has.
#pragma once
#if defined(__linux__) && defined(__GNUC__)
#if defined(__x86_64__)
#define DELTALLM_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define DELTALLM_GLIBC "GLIBC_2.17"
#endif
#ifdef DELTALLM_GLIBC
__asm__(".symver pthread_create,pthread_create@" DELTALLM_GLIBC);
__asm__(".symver pthread_attr_setstacksize,pthread_attr_setstacksize@" DELTALLM_GLIBC);
__asm__(".symver pthread_sigmask,pthread_sigmask@" DELTALLM_GLIBC);
__asm__(".symver pthread_join,pthread_join@" DELTALLM_GLIBC);
#endif
#endif
