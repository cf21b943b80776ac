#include "engine/allocator.h"

#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <vector>

#include "engine/error.h"
#include "engine/poison.h"
#include "engine/tensor.h"
#include "tests/support.h"

namespace ockham {
namespace {

CachingAllocator& memory() {
  return CachingAllocator::instance();
}

bool is_caching() {
  return std::getenv("OCKHAM_NO_CACHE") == nullptr;
}

/// For a test about the cache, in a run of all tests without it.
boost::test_tools::assertion_result cache_is_on(boost::unit_test::test_unit_id) {
  return is_caching();
}

/// Starts with an empty cache and no limit, and leaves the same.
struct Fixture {
  Fixture() { memory().drop_cache(); }
  ~Fixture() {
    memory().set_limit(0);
    memory().drop_cache();
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  const AllocatorStatistics before = memory().statistics();
  std::uint64_t system_requests() const { return memory().statistics().system_allocations - before.system_allocations; }
};

BOOST_FIXTURE_TEST_SUITE(allocator, Fixture)

BOOST_AUTO_TEST_CASE(blocks_are_aligned_and_counted_in_steps_of_64_bytes) {
  void* block = memory().allocate(100);
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(block) % 64 == 0u);
  const AllocatorStatistics during = memory().statistics();
  BOOST_TEST(during.bytes_in_use - before.bytes_in_use == 128u);
  BOOST_TEST(during.allocations - before.allocations == 1u);
  memory().release(block, 100);
  BOOST_TEST(memory().statistics().bytes_in_use == before.bytes_in_use);
}

BOOST_AUTO_TEST_CASE(no_bytes_still_give_a_block) {
  void* block = memory().allocate(0);
  BOOST_TEST(block != nullptr);
  memory().release(block, 0);
}

BOOST_AUTO_TEST_CASE(a_returned_block_serves_the_next_request, *boost::unit_test::precondition(cache_is_on)) {
  void* first = memory().allocate(1000);
  memory().release(first, 1000);
  BOOST_TEST(memory().statistics().bytes_cached == 1024u + 64u);
  void* second = memory().allocate(930);
  BOOST_TEST(second == first);
  BOOST_TEST(memory().statistics().bytes_cached == 64u);
  BOOST_TEST(memory().statistics().bytes_in_use - before.bytes_in_use == 960u);
  memory().release(second, 930);
  BOOST_TEST(memory().statistics().bytes_in_use == before.bytes_in_use);
  BOOST_TEST(memory().statistics().bytes_cached == 1024u + 64u);
  BOOST_TEST(system_requests() == 1u);
}

BOOST_AUTO_TEST_CASE(a_large_block_serves_several_small_requests, *boost::unit_test::precondition(cache_is_on)) {
  memory().release(memory().allocate(1024), 1024);
  void* first = memory().allocate(448);
  void* second = memory().allocate(448);
  BOOST_TEST(system_requests() == 1u);
  memory().release(first, 448);
  memory().release(second, 448);
}

BOOST_AUTO_TEST_CASE(a_loop_asks_the_system_in_its_first_round_only, *boost::unit_test::precondition(cache_is_on)) {
  const auto step = [] {
    const Tensor a({100, 7});
    const Tensor b({33}, DType::kFloat64);
    const Tensor c = a.clone();
    return Tensor({5, 5, 5}).nbytes();
  };
  step();
  const std::uint64_t after_first = system_requests();
  BOOST_TEST(after_first > 0u);
  for (int round = 0; round < 10; ++round)
    step();
  BOOST_TEST(system_requests() == after_first);
}

BOOST_AUTO_TEST_CASE(the_peak_is_the_most_that_was_in_use_at_once) {
  memory().reset_peak();
  {
    const Tensor a({1000}, DType::kUInt8);
    const Tensor b({1000}, DType::kUInt8);
  }
  const Tensor c({1000}, DType::kUInt8);
  BOOST_TEST(memory().statistics().peak_bytes - before.bytes_in_use == 2048u);
  memory().reset_peak();
  BOOST_TEST(memory().statistics().peak_bytes - before.bytes_in_use == 1024u);
}

BOOST_AUTO_TEST_CASE(a_request_beyond_the_limit_is_refused_with_the_numbers) {
  memory().set_limit(before.bytes_in_use + 4096);
  void* block = memory().allocate(4000);
  BOOST_CHECK_EXCEPTION(memory().allocate(200), Error,
                        (test::Says{{"256 bytes", "limit of", "--memory-limit", "--batch-size"}}));
  memory().release(block, 4000);
  memory().release(memory().allocate(200), 200);
}

BOOST_AUTO_TEST_CASE(a_cached_block_does_not_take_the_use_past_the_limit) {
  void* large = memory().allocate(4096);
  memory().release(large, 4096);
  memory().set_limit(before.bytes_in_use + 3000);
  void* block = memory().allocate(2500);
  BOOST_TEST(memory().statistics().bytes_in_use <= before.bytes_in_use + 3000);
  memory().release(block, 2500);
}

BOOST_AUTO_TEST_CASE(dropping_the_cache_returns_it_all) {
  memory().release(memory().allocate(1 << 20), 1 << 20);
  memory().drop_cache();
  BOOST_TEST(memory().statistics().bytes_cached == 0u);
}

// Sanitizers end the program at such a request.
#if !defined(OCKHAM_SANITIZED)
BOOST_AUTO_TEST_CASE(requests_that_the_system_refuses_are_errors) {
  BOOST_CHECK_EXCEPTION(memory().allocate(std::size_t{1} << 62), Error,
                        (test::Says{{"refused 4611686018427387904 bytes", "in use"}}));
}
#endif

boost::test_tools::assertion_result poisons(boost::unit_test::test_unit_id) {
  return kPoisons;
}

BOOST_AUTO_TEST_CASE(a_block_ends_where_its_request_does_for_sanitizers, *boost::unit_test::precondition(poisons)) {
  auto* const first = static_cast<std::byte*>(memory().allocate(101));
  auto* const second = static_cast<std::byte*>(memory().allocate(64));
  for (const std::byte* outside : {first - 1, first + 101, first + 128, second - 1, second + 64})
    BOOST_TEST(is_poisoned(outside));
  for (const std::byte* inside : {first, first + 100, second, second + 63})
    BOOST_TEST(!is_poisoned(inside));
  memory().release(first, 101);
  memory().release(second, 64);
  BOOST_TEST(is_poisoned(first));
}

BOOST_AUTO_TEST_CASE(threads_may_share_it) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (std::size_t i = 0; i < 500; ++i) {
        const std::size_t bytes = 64 * (1 + (i + static_cast<std::size_t>(t)) % 9);
        memory().release(memory().allocate(bytes), bytes);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  BOOST_TEST(memory().statistics().bytes_in_use == before.bytes_in_use);
}

BOOST_AUTO_TEST_CASE(ockham_no_cache_returns_every_block_at_once) {
  if (is_caching()) {
    // The variable is read when the program starts, so this test runs once more in a program of its own.
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string name = "allocator/ockham_no_cache_returns_every_block_at_once";
    BOOST_TEST(std::system(concat("OCKHAM_NO_CACHE=1 '", program, "' --run_test=", name, " > /dev/null").c_str()) == 0);
    return;
  }
  memory().release(memory().allocate(1000), 1000);
  memory().release(memory().allocate(1000), 1000);
  BOOST_TEST(memory().statistics().bytes_cached == 0u);
  BOOST_TEST(system_requests() == 2u);
}

BOOST_AUTO_TEST_CASE(peak_is_told_by_class_of_what_was_in_use_then) {
  const auto at = [](const MemoryUse& use, MemoryClass c) { return use[static_cast<std::size_t>(c)]; };
  const auto sum = [](const MemoryUse& use) { return std::accumulate(use.begin(), use.end(), std::size_t{0}); };
  memory().reset_peak();
  void* kept = nullptr;
  {
    const MemoryScope scope(MemoryClass::kActivations);
    kept = memory().allocate(4096);
  }
  void* rest = memory().allocate(1024);
  const AllocatorStatistics during = memory().statistics();
  BOOST_TEST(at(during.peak, MemoryClass::kActivations) - at(before.in_use, MemoryClass::kActivations) >= 4096u);
  BOOST_TEST(at(during.peak, MemoryClass::kScratch) - at(before.in_use, MemoryClass::kScratch) >= 1024u);
  BOOST_TEST(sum(during.peak) == during.peak_bytes);
  memory().release(kept, 4096);
  memory().release(rest, 1024);
  BOOST_TEST((memory().statistics().in_use == before.in_use));
  BOOST_TEST((memory().statistics().peak == during.peak));
  memory().reset_peak();
  BOOST_TEST((memory().statistics().peak == before.in_use));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
