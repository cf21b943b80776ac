#pragma once
// Vector code in two kinds. Simple loops get OCKHAM_CLONES; kernels that need more are written with Google Highway
// (cpu/dispatch.h shows how), which compiles them per instruction set and picks one at run time.
//
// OCKHAM_CLONES before a plain leaf function (template or not) compiles it for several x86 instruction sets; the one
// that suits the machine is picked when the program starts. The call cannot be inlined, so give it much to do, and
// functions that it calls are compiled anew only if they are inlined into it. Fused multiply-add is off
// (-ffp-contract=off), so every clone gives the same bits. OCKHAM_ISA does not reach the clones: an ifunc is resolved
// from the processor's own features before the program can read its environment. Lower levels thus test and time the
// Highway kernels only.
//
// Empty where ifunc does not exist (musl, macOS, Windows), under clang (which has no clones of templates) and under
// sanitizers, whose runtimes are not up yet when an ifunc resolver runs.
#include <cstdlib>  // defines __GLIBC__
#include <string_view>

#if defined(__x86_64__) && defined(__ELF__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(OCKHAM_SANITIZED)
#define OCKHAM_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define OCKHAM_CLONES
#endif

namespace ockham {

/// The instruction set that Highway kernels of this process use, e.g. "AVX3" (AVX-512), "AVX2" or "SSE4". The first
/// call, which every kernel makes before it dispatches, reads OCKHAM_ISA from the environment.
/// @throws UsageError as use_instruction_set() does
const char* instruction_set();

/// True where OCKHAM_ISA or use_instruction_set() named a level: nothing beyond the levels (matrix tiles) is used then.
bool is_level_named();

/// Chooses a lower level for Highway kernels than the machine's best: "sse4", "avx2" or "avx512"; "" is the best. For
/// tests and benches: not while kernels run.
/// @throws UsageError for another name or a level that this machine lacks
void use_instruction_set(std::string_view level);

}  // namespace ockham
