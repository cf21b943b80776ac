#pragma once
// The instruction sets of Highway that kernels are not compiled for. Every file that includes Highway includes this
// before it, so that all of them choose from the same list; Highway itself defines the names.
//
// SSSE3: nobody has it without SSE4 any more. SVE: the size of its vectors is known when the program runs, so they can
// be no members and no elements of arrays, which kernels keep their sums in; processors that have it run NEON.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
