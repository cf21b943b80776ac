#include "engine/heap.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <vector>

#include "engine/poison.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "tests/engine/address_limit.h"
#include "tests/support.h"

namespace ockham {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

/// Pages of [begin, begin + size) that are in memory; begin lies on a page.
std::size_t resident_bytes(std::byte* begin, std::size_t size) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages(size / page);
  BOOST_REQUIRE(mincore(begin, size, pages.data()) == 0);
  return page * static_cast<std::size_t>(std::ranges::count_if(pages, [](unsigned char p) { return (p & 1) != 0; }));
}

boost::test_tools::assertion_result poisons(boost::unit_test::test_unit_id) {
  return kPoisons;
}

/// For a test of what the system refuses, where it has not been told to refuse nothing.
boost::test_tools::assertion_result system_refuses(boost::unit_test::test_unit_id) {
  int mode = 1;
  std::ifstream("/proc/sys/vm/overcommit_memory") >> mode;
  return mode != 1;
}

BOOST_AUTO_TEST_SUITE(heap)

BOOST_AUTO_TEST_CASE(free_ranges_that_touch_are_one_whatever_came_first) {
  std::vector<std::byte> space(300);
  std::byte* const at = space.data();
  for (const std::vector<int>& order : std::vector<std::vector<int>>{{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 2, 0}}) {
    FreeRanges ranges;
    for (int i : order)
      ranges.insert(at + 100 * i, 100);
    BOOST_TEST(ranges.by_address().size() == 1u);
    BOOST_TEST(ranges.bytes() == 300u);
    BOOST_TEST(ranges.take(300) == at);
    BOOST_TEST(ranges.bytes() == 0u);
    BOOST_TEST(ranges.take(1) == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(the_smallest_range_that_fits_is_cut) {
  std::vector<std::byte> space(1000);
  std::byte* const at = space.data();
  FreeRanges ranges;
  ranges.insert(at, 300);
  ranges.insert(at + 400, 100);
  ranges.insert(at + 600, 200);
  BOOST_TEST(ranges.take(150) == at + 600);
  BOOST_TEST(ranges.take(100) == at + 400);
  BOOST_TEST(ranges.take(100) == at);
  BOOST_TEST(ranges.size_before(at + 300) == 200u);
  BOOST_TEST(ranges.size_before(at + 299) == 0u);
  BOOST_TEST(ranges.bytes() == 250u);
}

BOOST_AUTO_TEST_CASE(many_small_blocks_that_were_given_back_serve_a_large_one) {
  Heap memory;
  std::vector<std::byte*> small;
  for (int i = 0; i < 16; ++i)
    small.push_back(memory.take(kMiB));
  for (std::size_t i : {3u, 1u, 2u, 0u, 7u, 6u, 5u, 4u, 8u, 9u, 15u, 11u, 13u, 12u, 14u, 10u})
    memory.give(small[i], kMiB);
  BOOST_TEST(memory.growths() == 16u);
  BOOST_TEST(memory.take(16 * kMiB) == small[0]);
  BOOST_TEST(memory.growths() == 16u);
  BOOST_TEST(memory.bytes_cached() == 0u);
}

BOOST_AUTO_TEST_CASE(a_block_that_does_not_fit_begins_in_what_was_in_use) {
  Heap memory;
  std::byte* const small = memory.take(kMiB);
  memory.give(small, kMiB);
  BOOST_TEST(memory.take(3 * kMiB) == small);
  BOOST_TEST(memory.growths() == 2u);
  BOOST_TEST(memory.bytes_cached() == 0u);
}

BOOST_AUTO_TEST_CASE(blocks_never_overlap_and_all_of_them_come_back) {
  Heap memory;
  std::map<std::byte*, std::size_t> live;
  std::size_t held = 0;
  std::size_t most = 0;
  Tensor draws({4000, 2}, DType::kFloat64);
  fill_uniform(draws, {.seed = 7}, 0.0, 1.0);
  for (std::int64_t i = 0; i < draws.size(0); ++i) {
    const double* draw = draws.data<double>() + 2 * i;
    if (live.size() > 40 || (draw[0] < 0.5 && !live.empty())) {
      const auto block =
          std::next(live.begin(), static_cast<std::ptrdiff_t>(draw[1] * static_cast<double>(live.size())));
      memory.give(block->first, block->second);
      held -= block->second;
      live.erase(block);
      continue;
    }
    const std::size_t size = 64 * (1 + static_cast<std::size_t>(draw[1] * 5000.0));
    std::byte* const block = memory.take(size);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(block) % 64 == 0u);
    const auto next = live.lower_bound(block);
    BOOST_TEST((next == live.end() || block + size <= next->first));
    BOOST_TEST((next == live.begin() || std::prev(next)->first + std::prev(next)->second <= block));
    live.emplace(block, size);
    held += size;
    most = std::max(most, held);
  }
  BOOST_TEST(memory.bytes_cached() + held >= most);
  BOOST_TEST(memory.bytes_cached() + held <= most + most / 2);
  for (const auto& [block, size] : live)
    memory.give(block, size);
  const std::uint64_t growths = memory.growths();
  memory.take(memory.bytes_cached());  // one range again
  BOOST_TEST(memory.growths() == growths);
}

BOOST_AUTO_TEST_CASE(dropping_returns_the_pages_of_what_is_free_and_keeps_the_rest) {
  Heap memory;
  std::byte* const before = memory.take(2 * kMiB);
  std::byte* const kept = memory.take(2 * kMiB);
  std::memset(before, 1, 2 * kMiB);
  std::memset(kept, 2, 2 * kMiB);
  memory.give(before, 2 * kMiB);
  BOOST_TEST(resident_bytes(before, 4 * kMiB) == 4 * kMiB);
  memory.drop();
  BOOST_TEST(memory.bytes_cached() == 0u);
  BOOST_TEST(resident_bytes(before, 2 * kMiB) == 0u);
  BOOST_TEST(static_cast<int>(kept[2 * kMiB - 1]) == 2);
  BOOST_TEST(memory.take(2 * kMiB) == before);
  BOOST_TEST(memory.growths() == 3u);
}

BOOST_AUTO_TEST_CASE(what_the_machine_could_never_hold_is_refused, *boost::unit_test::precondition(system_refuses)) {
  struct sysinfo machine = {};
  BOOST_REQUIRE(::sysinfo(&machine) == 0);
  Heap memory;
  BOOST_TEST(memory.take(2 * (machine.totalram + machine.totalswap) * machine.mem_unit / 64 * 64) == nullptr);
  BOOST_TEST(memory.growths() == 0u);
  BOOST_TEST(memory.take(kMiB) != nullptr);
}

BOOST_AUTO_TEST_CASE(fewer_addresses_are_reserved_where_they_are_rationed,
                     *boost::unit_test::precondition(test::system_rations)) {
  const test::AddressLimit limit(600 * kMiB);
  Heap memory;
  BOOST_TEST(memory.take(kMiB) != nullptr);
  BOOST_TEST(memory.take(600 * kMiB) == nullptr);
  BOOST_TEST(memory.take(500 * kMiB) != nullptr);
}

BOOST_AUTO_TEST_CASE(where_addresses_are_rationed_a_block_may_cover_all_that_is_free,
                     *boost::unit_test::precondition(test::system_rations)) {
  const test::AddressLimit limit(600 * kMiB);
  Heap memory;
  std::byte* const first = memory.take(100 * kMiB);
  std::byte* const second = memory.take(100 * kMiB);
  memory.give(first, 100 * kMiB);
  memory.drop();
  memory.give(second, 100 * kMiB);  // lies between two ranges that are not in use
  BOOST_TEST(memory.take(500 * kMiB) == first);
  BOOST_TEST(memory.bytes_cached() == 0u);
}

BOOST_AUTO_TEST_CASE(only_blocks_that_are_taken_may_be_touched, *boost::unit_test::precondition(poisons)) {
  Heap memory;
  std::byte* const block = memory.take(128);
  BOOST_TEST(!is_poisoned(block));
  BOOST_TEST(!is_poisoned(block + 127));
  BOOST_TEST(is_poisoned(block + 128));
  memory.give(block, 128);
  BOOST_TEST(is_poisoned(block));
  BOOST_TEST(memory.take(64) == block);
  BOOST_TEST(!is_poisoned(block + 63));
  BOOST_TEST(is_poisoned(block + 64));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
