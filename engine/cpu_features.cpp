#include "engine/cpu_features.h"

#include <string_view>
#include <utility>

namespace ockham {

std::string cpu_features() {
#if defined(__x86_64__)
  const std::pair<std::string_view, bool> features[] = {
      {"sse4.2", __builtin_cpu_supports("sse4.2")},
      {"avx", __builtin_cpu_supports("avx")},
      {"avx2", __builtin_cpu_supports("avx2")},
      {"fma", __builtin_cpu_supports("fma")},
      {"avx512f", __builtin_cpu_supports("avx512f")},
      {"avx512bw", __builtin_cpu_supports("avx512bw")},
      {"avx512dq", __builtin_cpu_supports("avx512dq")},
      {"avx512vl", __builtin_cpu_supports("avx512vl")},
      {"avx512vnni", __builtin_cpu_supports("avx512vnni")},
      {"avx512bf16", __builtin_cpu_supports("avx512bf16")},
  };
  std::string text = "x86-64";
  for (const auto& [name, is_there] : features) {
    if (is_there)
      text.append(" ").append(name);
  }
  return text;
#elif defined(__aarch64__)
  return "aarch64 neon";
#else
  return "unknown";
#endif
}

}  // namespace ockham
