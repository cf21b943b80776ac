#include "engine/arena.h"

#include <cstdint>
#include <cstring>
#include <thread>

#include "engine/allocator.h"
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
