#pragma once
// OCKHAM_CLONES before a plain leaf function (template or not) compiles it for several x86 instruction sets; the one
// that suits the machine is picked when the program starts. It suits simple loops, called seldom with much to do: the
// call cannot be inlined, and functions that it calls are compiled anew only if they are inlined into it. Fused
// multiply-add is off (-ffp-contract=off), so every clone gives the same bits. Kernels that need more use Highway.
//
// Empty where ifunc does not exist (musl, macOS, Windows), under clang (which has no clones of templates) and under
// sanitizers, whose runtimes are not up yet when an ifunc resolver runs.
#include <cstdlib>  // defines __GLIBC__

#if defined(__x86_64__) && defined(__ELF__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OCKHAM_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define OCKHAM_CLONES
#endif
