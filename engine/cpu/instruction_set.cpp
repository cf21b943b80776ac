#include "engine/cpu/targets.h"
// Highway comes after it.
#include <hwy/highway.h>

#include <array>
#include <cstdlib>

#include "engine/error.h"
#include "engine/simd.h"

namespace ockham {
namespace {

struct Level {
  std::string_view name;
  std::int64_t target;
};
constexpr std::array kLevels{Level{"sse4", HWY_SSE4}, Level{"avx2", HWY_AVX2}, Level{"avx512", HWY_AVX3}};

/// Bits of the targets up to `level`: in Highway the better target has the lower bit.
std::int64_t targets_up_to(std::string_view level, std::int64_t supported) {
  if (level.empty())
    return supported;
  for (const Level& candidate : kLevels) {
    if (candidate.name != level)
      continue;
    if ((supported & candidate.target) == 0)
      throw UsageError(concat("OCKHAM_ISA: this machine has no '", level, "'; choose a lower level or unset it."));
    return supported & ~(candidate.target - 1);
  }
  throw UsageError(concat("OCKHAM_ISA: '", level, "' is unknown; write sse4, avx2 or avx512."));
}

bool level_named = false;

const char* choose(std::string_view level) {
  const std::int64_t targets = targets_up_to(level, hwy::SupportedTargets());
  hwy::GetChosenTarget().Update(targets);
  level_named = !level.empty();
  const std::int64_t compiled = targets & HWY_TARGETS;
  return hwy::TargetName(compiled ? compiled & -compiled : HWY_STATIC_TARGET);
}

const char*& chosen() {
  static const char* name = [] {
    const char* wanted = std::getenv("OCKHAM_ISA");
    return choose(wanted ? wanted : "");
  }();
  return name;
}

}  // namespace

const char* instruction_set() {
  return chosen();
}

bool is_level_named() {
  chosen();
  return level_named;
}

void use_instruction_set(std::string_view level) {
  chosen() = choose(level);
}

}  // namespace ockham
