#include "tests/cudaemu/runtime/kernels.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "tests/cudaemu/launch_hook.h"
#include "tests/cudaemu/runtime/stream.h"

namespace emu {
namespace {

std::map<const void*, Kernel>& kernels() {
  static std::map<const void*, Kernel> all;
  return all;
}

std::vector<LaunchLog*>& open_logs() {
  static std::vector<LaunchLog*> logs;
  return logs;
}

void add(Stats& sum, const Stats& more) {
  sum.launches += more.launches;
  sum.blocks += more.blocks;
  sum.threads += more.threads;
  sum.barriers += more.barriers;
  sum.bytes_read += more.bytes_read;
  sum.bytes_written += more.bytes_written;
  sum.requests += more.requests;
  sum.sectors += more.sectors;
  sum.fewest_sectors += more.fewest_sectors;
  sum.touched_sectors += more.touched_sectors;
  sum.shared_requests += more.shared_requests;
  sum.bank_conflicts += more.bank_conflicts;
}

}  // namespace

std::string signature_of(const char* mangled_name) {
  int status = 0;
  char* const demangled = abi::__cxa_demangle(mangled_name, nullptr, nullptr, &status);
  std::string text = demangled == nullptr ? mangled_name : demangled;
  std::free(demangled);
  const std::string reference = " const&";
  for (std::size_t at = text.find(reference); at != std::string::npos; at = text.find(reference, at))
    text.erase(at, reference.size());
  return text;
}

Kernel& kernel_of(const void* function) {
  Kernel& kernel = kernels()[function];
  if (!kernel.linker_name.empty())
    return kernel;
  Dl_info info{};
  if (dladdr(function, &info) == 0 || info.dli_sname == nullptr || info.dli_saddr != function) {
    std::fprintf(stderr,
                 "cuda-emu: the kernel at %p has no name: is it static or in an anonymous namespace, or is the program "
                 "not linked with -rdynamic?\n",
                 function);
    std::abort();
  }
  kernel.linker_name = info.dli_sname;
  kernel.signature = signature_of(info.dli_sname);
  return kernel;
}

std::map<std::string, Stats> stats() {
  const Lock lock;
  std::map<std::string, Stats> by_signature;
  for (const auto& [function, kernel] : kernels())
    add(by_signature[kernel.signature], kernel.stats);
  return by_signature;
}

Stats stats_of(const std::string& part) {
  Stats sum;
  for (const auto& [signature, kernel_stats] : stats()) {
    if (signature.find(part) != std::string::npos)
      add(sum, kernel_stats);
  }
  return sum;
}

void reset_stats() {
  const Lock lock;
  for (auto& [function, kernel] : kernels())
    kernel.stats = {};
}

LaunchLog::LaunchLog() {
  const Lock lock;
  open_logs().push_back(this);
}

LaunchLog::~LaunchLog() {
  const Lock lock;
  std::erase(open_logs(), this);
}

std::size_t LaunchLog::count(const std::string& part) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(names_, [&](const std::string& name) { return name.find(part) != std::string::npos; }));
}

void log_launch(const std::string& name) {
  for (LaunchLog* log : open_logs())
    log->add(name);
}

std::vector<Watch*>& watches() {
  static std::vector<Watch*> open;
  return open;
}

Watch::Watch(const void* begin, std::size_t bytes)
    : begin_(static_cast<const std::byte*>(begin)), end_(begin_ + bytes) {
  const Lock lock;
  watches().push_back(this);
}

Watch::~Watch() {
  const Lock lock;
  std::erase(watches(), this);
}

void Watch::note(const void* address, std::size_t bytes, bool reads, bool writes) {
  if (address < begin_ || address >= end_)
    return;
  bytes_read_ += reads ? static_cast<std::int64_t>(bytes) : 0;
  bytes_written_ += writes ? static_cast<std::int64_t>(bytes) : 0;
}

const Named* named = nullptr;

Named::Named(std::vector<Range> ranges) : ranges_(std::move(ranges)) {
  const Lock lock;
  named = this;
}

Named::~Named() {
  const Lock lock;
  named = nullptr;
}

bool Named::allows(const void* address, std::size_t bytes, bool writes) const {
  const auto* const first = static_cast<const std::byte*>(address);
  return std::ranges::any_of(ranges_, [&](const Range& range) {
    return first >= range.begin && first + bytes <= range.end && (range.writes || !writes);
  });
}

}  // namespace emu
