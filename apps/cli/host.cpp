#include "apps/cli/host.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <fstream>
#include <string_view>

namespace ockham::apps {
namespace {

std::string time_text(const std::tm& time, const char* format) {
  std::array<char, 32> buffer{};
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), format, &time)};
}

}  // namespace

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos)
      return line.substr(colon + 2);
  }
  return "";
}

std::map<std::string, std::string> relevant_environment() {
  static constexpr std::array<std::string_view, 8> kPrefixes = {
      "OMP_", "GOMP_", "CUDA_", "CUBLAS_", "NVIDIA_TF32_OVERRIDE=", "OCKHAM_", "NO_COLOR=", "SOURCE_DATE_EPOCH="};
  std::map<std::string, std::string> variables;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    const auto begins_entry = [&](std::string_view prefix) { return text.starts_with(prefix); };
    if (equals != std::string_view::npos && std::any_of(kPrefixes.begin(), kPrefixes.end(), begins_entry))
      variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  return variables;
}

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string utc_text(double seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  return time_text(*::gmtime_r(&time, &parts), "%Y-%m-%dT%H:%M:%SZ");
}

std::string local_stamp(double seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  return time_text(*::localtime_r(&time, &parts), "%Y%m%d-%H%M%S");
}

}  // namespace ockham::apps
