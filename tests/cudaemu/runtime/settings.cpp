// Settings from the environment, and reports.
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/block.h"
#include "tests/cudaemu/runtime/checker.h"

namespace emu {
namespace {

[[noreturn]] void refuse(const char* name, const char* value, const char* allowed) {
  std::fprintf(stderr, "cuda-emu: %s=%s is unknown; use %s\n", name, value, allowed);
  std::exit(2);
}

bool is_on(const char* name, bool otherwise) {
  const char* const value = std::getenv(name);
  if (value == nullptr)
    return otherwise;
  if (std::strcmp(value, "0") != 0 && std::strcmp(value, "1") != 0)
    refuse(name, value, "0 or 1");
  return value[0] == '1';
}

/// The number of the word in `words` that the environment gives; 0 if none.
int word_of(const char* name, std::initializer_list<const char*> words, const char* allowed) {
  const char* const value = std::getenv(name);
  if (value == nullptr)
    return 0;
  int number = 0;
  for (const char* word : words) {
    if (std::strcmp(value, word) == 0)
      return number;
    ++number;
  }
  refuse(name, value, allowed);
}

std::size_t bytes_of(const char* name, std::size_t otherwise) {
  const char* const value = std::getenv(name);
  if (value == nullptr)
    return otherwise;
  char* end = nullptr;
  const unsigned long long number = std::strtoull(value, &end, 10);
  const std::string unit = end;
  if (end == value || (unit != "" && unit != "K" && unit != "M" && unit != "G"))
    refuse(name, value, "a number, with K, M or G behind it if need be");
  const int shift = unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : 0;
  return static_cast<std::size_t>(number) << shift;
}

Options from_environment() {
  Options given;
  given.order = static_cast<Order>(word_of("EMU_ORDER", {"asc", "desc", "random"}, "asc, desc or random"));
  given.streams = static_cast<Streams>(word_of("EMU_STREAMS", {"eager", "lazy", "random"}, "eager, lazy or random"));
  given.seed = static_cast<unsigned>(bytes_of("EMU_SEED", 1));
  given.protect = is_on("EMU_PROTECT", false);
  given.fatal = is_on("EMU_FATAL", true);
  given.count_accesses = is_on("EMU_COUNT", false);
  given.device_bytes = bytes_of("EMU_DEVICE_BYTES", std::size_t{16} << 30);
  return given;
}

std::vector<Report>& kept_reports() {
  static std::vector<Report> kept;
  return kept;
}

}  // namespace

Options& options() {
  static Options the_options = from_environment();
  return the_options;
}

bool is_checking() {
  return checker != nullptr;
}

void report(const char* kind, const char* format, ...) {
  constexpr std::size_t kMostPrinted = 20;
  constexpr std::size_t kMostKept = 10000;
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  const std::string place = place_of_running_thread();
  std::vector<Report>& kept = kept_reports();
  if (kept.size() < kMostPrinted)
    std::fprintf(stderr, "cuda-emu: %s: %s [%s]\n", kind, text, place.c_str());
  if (options().fatal) {
    std::fflush(nullptr);
    _exit(86);
  }
  if (kept.size() < kMostKept)
    kept.push_back({kind, text, place});
}

std::vector<Report> take_reports() {
  std::vector<Report> taken;
  taken.swap(kept_reports());
  return taken;
}

}  // namespace emu
