#include "engine/arena.h"

#include <cstdint>
#include <cstring>
#include <thread>

#include "engine/allocator.h"
#include "engine/poison.h"
#include "tests/support.h"

BOOST_AUTO_TEST_SUITE(arena)
using namespace ockham;

BOOST_AUTO_TEST_CASE(blocks_are_aligned_and_do_not_overlap) {
  Arena arena;
  auto* a = static_cast<unsigned char*>(arena.allocate(100));
  auto* b = static_cast<unsigned char*>(arena.allocate(1 << 20));
  auto* c = static_cast<unsigned char*>(arena.allocate(1));
  for (auto* p : {a, b, c})
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(p) % 64 == 0u);
  std::memset(a, 1, 100);
  std::memset(b, 2, 1 << 20);
  std::memset(c, 3, 1);
  BOOST_TEST(int{a[99]} == 1);
  BOOST_TEST(int{b[0]} == 2);
  BOOST_TEST(int{b[(1 << 20) - 1]} == 2);
  arena.rewind({});
}

BOOST_AUTO_TEST_CASE(the_second_round_needs_no_memory_from_the_system) {
  Arena arena;
  auto round = [&] {
    const Arena::Mark start = arena.mark();
    for (std::size_t bytes : {1000u, 300000u, 5u, 900000u})
      arena.allocate(bytes);
    arena.rewind(start);
  };
  round();
  const std::size_t capacity = arena.capacity();
  const auto allocations = CachingAllocator::instance().statistics().allocations;
  round();
  BOOST_TEST(arena.capacity() == capacity);
  BOOST_TEST(CachingAllocator::instance().statistics().allocations == allocations);
}

BOOST_AUTO_TEST_CASE(rewinding_gives_the_same_memory_again) {
  Arena arena;
  arena.allocate(64);
  const Arena::Mark mark = arena.mark();
  void* first = arena.allocate(128);
  arena.rewind(mark);
  BOOST_TEST(arena.allocate(128) == first);
  arena.rewind({});
}

boost::test_tools::assertion_result poisons(boost::unit_test::test_unit_id) {
  return kPoisons;
}

BOOST_AUTO_TEST_CASE(requests_end_where_they_say_for_sanitizers, *boost::unit_test::precondition(poisons)) {
  Arena arena;
  const auto* first = static_cast<std::byte*>(arena.allocate(64));
  const Arena::Mark mark = arena.mark();
  const auto* second = static_cast<std::byte*>(arena.allocate(100));
  const auto* large = static_cast<std::byte*>(arena.allocate(1 << 20));
  for (const std::byte* outside : {first + 64, second - 1, second + 100, large - 1, large + (1 << 20)})
    BOOST_TEST(is_poisoned(outside));
  for (const std::byte* inside : {first + 63, second, second + 99, large, large + (1 << 20) - 1})
    BOOST_TEST(!is_poisoned(inside));
  arena.rewind(mark);
  BOOST_TEST(!is_poisoned(first));
  BOOST_TEST(is_poisoned(second));
  BOOST_TEST(is_poisoned(large));
  arena.rewind({});
}

BOOST_AUTO_TEST_CASE(memory_is_counted_and_given_back_when_the_thread_ends) {
  const std::size_t before = CachingAllocator::instance().statistics().bytes_in_use;
  std::size_t during = 0;
  std::thread([&] {
    ScratchScope scratch;
    scratch.take<double>(1000);
    during = CachingAllocator::instance().statistics().bytes_in_use;
  }).join();
  BOOST_TEST(during >= before + 8000);
  BOOST_TEST(CachingAllocator::instance().statistics().bytes_in_use == before);
}

BOOST_AUTO_TEST_SUITE_END()
