#include "tests/cudaemu/check/counts.h"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tests/cudaemu/runtime/block.h"

namespace emu {
namespace {

constexpr unsigned kLanes = 32;
constexpr std::size_t kSector = 32;  // bytes
constexpr std::size_t kBanks = 32;   // of four bytes

/// One access of a warp.
struct WarpAccess {
  std::array<std::uintptr_t, kLanes> address;
  unsigned lanes = 0;
};

/// What one instruction did in one warp.
struct Instruction {
  std::uint8_t bytes = 0;
  bool is_shared = false;
  std::array<std::uint32_t, kLanes> executed{};  // by each lane
  std::vector<WarpAccess> accesses;
};

using WarpInstructions = std::unordered_map<const void*, Instruction>;
thread_local std::array<WarpInstructions, 32> warps;
thread_local Stats counted;
thread_local std::unordered_set<std::uintptr_t> touched;  // sectors, by the launch

/// Addresses of the lanes of an access, each once.
std::vector<std::uintptr_t> distinct_addresses(const WarpAccess& access) {
  std::vector<std::uintptr_t> addresses;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (access.lanes >> lane & 1)
      addresses.push_back(access.address[lane]);
  }
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

void count_sectors(const WarpAccess& access, std::size_t bytes) {
  const std::vector<std::uintptr_t> addresses = distinct_addresses(access);
  std::size_t sectors = 0;
  std::uintptr_t last = 0;  // no allocation lies in sector 0
  for (const std::uintptr_t address : addresses) {
    for (std::uintptr_t sector = address / kSector; sector <= (address + bytes - 1) / kSector; ++sector) {
      if (sector == last)
        continue;
      ++sectors;
      touched.insert(sector);
      last = sector;
    }
  }
  ++counted.requests;
  counted.sectors += static_cast<std::int64_t>(sectors);
  counted.fewest_sectors += static_cast<std::int64_t>((addresses.size() * bytes + kSector - 1) / kSector);
}

/// How often the fullest bank has to be read for these lanes; different words of one bank take a pass each.
std::size_t passes_of(const WarpAccess& access, std::size_t bytes, unsigned first_lane, unsigned lanes) {
  std::array<std::vector<std::uintptr_t>, kBanks> words;
  std::size_t most = 0;
  for (unsigned lane = first_lane; lane < first_lane + lanes; ++lane) {
    if (!(access.lanes >> lane & 1))
      continue;
    const std::uintptr_t end = access.address[lane] + bytes;
    for (std::uintptr_t word = access.address[lane] / 4; word * 4 < end; ++word) {
      std::vector<std::uintptr_t>& bank = words[word % kBanks];
      if (std::ranges::find(bank, word) == bank.end())
        bank.push_back(word);
      most = std::max(most, bank.size());
    }
  }
  return most;
}

/// Accesses of 8 and 16 bytes go by halves and quarters of a warp.
void count_banks(const WarpAccess& access, std::size_t bytes) {
  const unsigned together = bytes <= 4 ? kLanes : kLanes * 4 / static_cast<unsigned>(bytes);
  ++counted.shared_requests;
  for (unsigned lane = 0; lane < kLanes; lane += together) {
    const std::size_t passes = passes_of(access, bytes, lane, together);
    counted.bank_conflicts += static_cast<std::int64_t>(passes > 1 ? passes - 1 : 0);
  }
}

}  // namespace

void count_access(const void* instruction, const void* address, std::size_t bytes, bool is_shared) {
  const unsigned lane = running.thread % kLanes;
  Instruction& done = warps[running.thread / kLanes][instruction];
  done.bytes = static_cast<std::uint8_t>(bytes);
  done.is_shared = is_shared;
  const std::uint32_t time = done.executed[lane]++;
  if (time == done.accesses.size())
    done.accesses.emplace_back();
  WarpAccess& access = done.accesses[time];
  access.address[lane] = reinterpret_cast<std::uintptr_t>(address);
  access.lanes |= 1u << lane;
}

void count_block() {
  for (WarpInstructions& warp : warps) {
    for (const auto& [where, instruction] : warp) {
      for (const WarpAccess& access : instruction.accesses)
        instruction.is_shared ? count_banks(access, instruction.bytes) : count_sectors(access, instruction.bytes);
    }
    warp.clear();
  }
}

void take_counts(Stats& stats) {
  stats.requests += counted.requests;
  stats.sectors += counted.sectors;
  stats.fewest_sectors += counted.fewest_sectors;
  stats.touched_sectors += static_cast<std::int64_t>(touched.size());
  stats.shared_requests += counted.shared_requests;
  stats.bank_conflicts += counted.bank_conflicts;
  counted = {};
  touched.clear();
}

}  // namespace emu
