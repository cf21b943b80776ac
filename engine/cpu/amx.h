#pragma once
// The matrix-tile instructions of x86 (AMX), as registers that tile_product() works on, and whether they may be used.
#include <cstdint>
#include <string>

#include "engine/cpu/tile_product.h"

namespace ockham::cpu {

/// Why matrix tiles of bfloat16 cannot be used here; empty if they can. The first call asks the operating system for
/// its permission (Linux: arch_prctl(ARCH_REQ_XCOMP_PERM)), which holds for all threads of the process.
const std::string& amx_obstacle();

#if defined(__x86_64__)
/// Written in assembly, which needs no compiler flags, so that the file serves every machine.
struct AmxTiles {
  void configure(const TileConfig& config) { asm volatile("ldtilecfg %0" ::"m"(config)); }
  void release() { asm volatile("tilerelease"); }
  template <int kTo>
  void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(kTo));
  }
  template <int kTo>
  void load(const void* from, std::int64_t row_bytes) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(row_bytes), "i"(kTo) : "memory");
  }
  /// C += A B: 16 x 16 sums of 32 products each.
  template <int kC, int kA, int kB>
  void dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kC), "i"(kA), "i"(kB));
  }
  template <int kFrom>
  void store(void* to, std::int64_t row_bytes) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(row_bytes), "i"(kFrom) : "memory");
  }
};
#endif

}  // namespace ockham::cpu
