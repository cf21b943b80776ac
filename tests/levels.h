#pragma once
// Tests of kernels at the instruction sets that this machine has, whichever those are: what a test expects of a kernel
// holds at a level that it asked for, never of the processor that happens to run it.
#include <cstdlib>

#include "engine/error.h"
#include "engine/simd.h"
#include "tests/support.h"

namespace ockham::test {

/// Puts back the level that OCKHAM_ISA names, or the machine's best.
class LevelScope {
 public:
  /// @param level  "" is the machine's best @throws UsageError for a level that this machine lacks
  explicit LevelScope(std::string_view level) { use_instruction_set(level); }
  ~LevelScope() {
    const char* wanted = std::getenv("OCKHAM_ISA");
    use_instruction_set(wanted ? wanted : "");
  }
  LevelScope(const LevelScope&) = delete;
  LevelScope& operator=(const LevelScope&) = delete;
};

/// Runs body(level) at every level that this machine has, possibly none.
template <class Body>
void at_every_level(Body&& body) {
  for (const char* level : {"sse4", "avx2", "avx512"}) {
    try {
      use_instruction_set(level);
    } catch (const UsageError&) {
      continue;  // a lesser machine
    }
    const LevelScope scope(level);
    BOOST_TEST_CONTEXT("level " << level) {
      body(std::string_view(level));
    }
  }
}

}  // namespace ockham::test
