#include "tests/cudaemu/runtime/heap.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/block.h"
#include "tests/cudaemu/runtime/checker.h"

namespace emu {

unsigned char* heap_begin = nullptr;
unsigned char* heap_end = nullptr;
bool tracks_bytes = false;

namespace {

constexpr std::size_t kReservation = std::size_t{64} << 30;  // of addresses, so that freed ones come back late
constexpr std::size_t kAlignment = 256;
constexpr std::size_t kRedZone = 256;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kWorthReturning = std::size_t{256} << 10;

unsigned char* states = nullptr;
unsigned char* next_place = nullptr;  // where the search for room begins
unsigned char* touched_end = nullptr;
std::map<unsigned char*, std::size_t> live;
std::size_t live_total = 0, peak_total = 0;
int accesses = 0;        // DeviceAccess objects alive
bool is_closed = false;  // to the host

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

/// What an allocation takes of the addresses.
std::size_t footprint(std::size_t bytes) {
  return round_up(bytes, kAlignment) + kRedZone;
}

unsigned char* reserve(std::size_t bytes) {
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) {
    std::fprintf(stderr, "cuda-emu: cannot reserve %zu GiB of addresses (is there a limit, ulimit -v?)\n", bytes >> 30);
    std::abort();
  }
  return static_cast<unsigned char*>(pages);
}

bool is_below_stack(const void* address) {
  const auto* const place = static_cast<const std::byte*>(address);
  return running.in_kernel && place < running.stack_low && place >= running.stack_low - kPage;
}

/// Says what a fault on a device address, or below the stack of a thread, means; leaves others to whom they belong.
void on_fault(int signal, siginfo_t* info, void*) {
  if (on_heap(info->si_addr) || is_below_stack(info->si_addr)) {
    const char* const what = is_below_stack(info->si_addr) ? "a thread of a kernel used up its stack"
                             : running.in_kernel           ? "a kernel touched freed memory"
                                                           : "host code dereferenced a pointer";
    char message[256];
    const int length =
        std::snprintf(message, sizeof message, "cuda-emu: memcheck: %s at address %p\n", what, info->si_addr);
    [[maybe_unused]] const auto written = write(STDERR_FILENO, message, static_cast<std::size_t>(length));
    _exit(86);
  }
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void set_protection(int protection) {
  mprotect(heap_begin, round_up(static_cast<std::size_t>(touched_end - heap_begin), kPage), protection);
}

void ensure_heap() {
  if (heap_begin != nullptr)
    return;
  heap_begin = reserve(kReservation);
  heap_end = heap_begin + kReservation;
  states = reserve(kReservation);
  next_place = touched_end = heap_begin + kPage;
  tracks_bytes = tracks_bytes || is_checking();
}

/// The first gap of `bytes` from `next_place` on, going round once: addresses that were freed come back last.
unsigned char* find_room(std::size_t bytes) {
  unsigned char* begin = next_place;
  for (int round = 0; round < 2; ++round) {
    for (auto after = live.lower_bound(begin);; ++after) {
      unsigned char* const end = after == live.end() ? heap_end : after->first;
      if (static_cast<std::size_t>(end - begin) >= bytes)
        return begin;
      if (after == live.end())
        break;
      begin = std::max(begin, after->first + footprint(after->second));
    }
    begin = heap_begin + kPage;
  }
  return nullptr;
}

/// The whole pages within a range.
struct Pages {
  unsigned char* begin;
  std::size_t bytes;
};
Pages pages_within(unsigned char* begin, std::size_t bytes) {
  unsigned char* const first = heap_begin + round_up(static_cast<std::size_t>(begin - heap_begin), kPage);
  unsigned char* const end = heap_begin + static_cast<std::size_t>(begin + bytes - heap_begin) / kPage * kPage;
  return {first, first < end ? static_cast<std::size_t>(end - first) : 0};
}

void set_states(const void* address, std::size_t bytes, ByteState state) {
  if (tracks_bytes)
    std::memset(state_of(address), static_cast<int>(state), bytes);
}

/// Small blocks become NaNs; of large ones the pages go back to the system, and a touch of them is a fault.
void retire(unsigned char* begin, std::size_t bytes) {
  set_states(begin, bytes, ByteState::outside);
  const Pages pages = pages_within(begin, bytes);
  if (pages.bytes < kWorthReturning) {
    std::memset(begin, 0xff, bytes);
    return;
  }
  madvise(pages.begin, pages.bytes, MADV_DONTNEED);
  mprotect(pages.begin, pages.bytes, PROT_NONE);
  watch_faults();
}

void check_red_zone(unsigned char* begin, std::size_t bytes) {
  const unsigned char* const zone = begin + bytes;
  const std::size_t size = footprint(bytes) - bytes;
  const auto* const wrong = std::find_if(zone, zone + size, [](unsigned char byte) { return byte != 0xff; });
  if (wrong != zone + size)
    report("memcheck",
           "someone wrote %td bytes past the end of the allocation of %zu bytes at %p, found when it was freed",
           wrong - zone, bytes, static_cast<void*>(begin));
}

}  // namespace

void watch_faults() {
  static thread_local std::byte other_stack[16384];  // for a fault on a stack that is used up
  stack_t stack{};
  sigaltstack(nullptr, &stack);
  if ((stack.ss_flags & SS_DISABLE) != 0) {  // nobody else has set one
    stack = {other_stack, 0, sizeof other_stack};
    sigaltstack(&stack, nullptr);
  }
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
}

ByteState* state_of(const void* address) {
  return reinterpret_cast<ByteState*>(states + (static_cast<const unsigned char*>(address) - heap_begin));
}

void track_bytes() {
  tracks_bytes = true;
}

std::optional<Allocation> allocation_at(const void* address) {
  auto* const place = const_cast<unsigned char*>(static_cast<const unsigned char*>(address));
  auto it = live.upper_bound(place);
  if (it == live.begin())
    return {};
  --it;
  if (place >= it->first + std::max(it->second, std::size_t{1}))
    return {};
  return Allocation{it->first, it->second};
}

void* allocate_device(std::size_t bytes) {
  ensure_heap();
  const std::size_t size = round_up(bytes, kAlignment);
  if (bytes > options().device_bytes || live_total + size > options().device_bytes)
    return nullptr;
  const std::size_t taken = footprint(bytes);
  unsigned char* const begin = find_room(taken);
  if (begin == nullptr)
    return nullptr;
  const DeviceAccess access;
  next_place = begin + taken;
  touched_end = std::max(touched_end, next_place);
  const Pages pages = pages_within(begin, taken);
  if (options().protect)
    set_protection(PROT_READ | PROT_WRITE);
  else if (pages.bytes > 0)
    mprotect(pages.begin, pages.bytes, PROT_READ | PROT_WRITE);
  std::memset(begin, 0xff, taken);
  set_states(begin, bytes, ByteState::uninitialised);
  if (checker != nullptr)
    checker->forget(begin, taken);
  live.emplace(begin, bytes);
  live_total += size;
  peak_total = std::max(peak_total, live_total);
  return begin;
}

bool free_device(void* address) {
  const auto it = live.find(static_cast<unsigned char*>(address));
  if (it == live.end()) {
    report("memcheck", "free of %p, where no live allocation begins", address);
    return false;
  }
  const DeviceAccess access;
  check_red_zone(it->first, it->second);
  retire(it->first, it->second);
  live_total -= round_up(it->second, kAlignment);
  live.erase(it);
  return true;
}

const char* describe_address(const void* address) {
  static thread_local char text[160];
  const auto* const place = static_cast<const unsigned char*>(address);
  if (!on_heap(address)) {
    std::snprintf(text, sizeof text, "no device address");
    return text;
  }
  auto it = live.upper_bound(const_cast<unsigned char*>(place));
  if (it == live.begin()) {
    std::snprintf(text, sizeof text, "below every allocation");
    return text;
  }
  --it;
  const std::ptrdiff_t past = place - (it->first + it->second);
  if (past < 0)
    std::snprintf(text, sizeof text, "byte %td of an allocation of %zu bytes", place - it->first, it->second);
  else
    std::snprintf(text, sizeof text, "%td bytes past the end of the nearest allocation, of %zu bytes", past,
                  it->second);
  return text;
}

void check_range(const void* address, std::size_t bytes, bool writes, const char* what) {
  if (bytes == 0)
    return;
  const char* const verb = writes ? "writes" : "reads";
  if (!on_heap(address)) {
    report("memcheck", "%s %s %p, which is no device address", what, verb, address);
    return;
  }
  const std::optional<Allocation> within = allocation_at(address);
  if (!within) {
    report("memcheck", "%s %s %p, %s", what, verb, address, describe_address(address));
    return;
  }
  const auto left =
      static_cast<std::size_t>(within->begin + within->bytes - static_cast<const unsigned char*>(address));
  if (left < bytes) {
    report("memcheck", "%s %s %zu bytes at %p, where the allocation ends after %zu", what, verb, bytes, address, left);
    bytes = left;
  }
  if (checker != nullptr)
    checker->note_range(address, bytes, writes, what);
  if (!tracks_bytes)
    return;
  if (writes) {
    set_states(address, bytes, ByteState::initialised);
    return;
  }
  const auto* const state = state_of(address);
  const auto* const bad = std::find(state, state + bytes, ByteState::uninitialised);
  if (bad != state + bytes)
    report("initcheck", "%s reads uninitialised device memory: byte %td of %zu at %p", what, bad - state, bytes,
           address);
}

DeviceAccess::DeviceAccess() {
  if (accesses++ == 0 && is_closed)
    set_protection(PROT_READ | PROT_WRITE);
  is_closed = false;
}

DeviceAccess::~DeviceAccess() {
  if (--accesses != 0 || !options().protect || heap_begin == nullptr)
    return;
  watch_faults();
  set_protection(PROT_NONE);
  is_closed = true;
}

std::size_t live_bytes() {
  return live_total;
}

std::size_t peak_bytes() {
  return peak_total;
}

void reset_peak_bytes() {
  peak_total = live_total;
}

std::size_t report_live_allocations() {
  for (const auto& [begin, bytes] : live)
    report("leakcheck", "device allocation of %zu bytes at %p was never freed", bytes, static_cast<const void*>(begin));
  return live.size();
}

}  // namespace emu
