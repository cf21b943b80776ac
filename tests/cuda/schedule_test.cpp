#include "engine/cuda/schedule.h"

#include <algorithm>
#include <set>

#include "engine/cuda/absorption.h"
#include "tests/cuda/device.h"

namespace ockham {
namespace {

using cuda::KernelType;
using cuda::Task;

/// Kernels of which three go into one launch; nobody runs them.
const KernelType kFirst{&typeid(int), 0, 3, [](const void*) { return std::int64_t{1}; }, nullptr, nullptr};
const KernelType kSecond{&typeid(long), 0, 3, [](const void*) { return std::int64_t{1}; }, nullptr, nullptr};

std::byte memory[64];

struct Range {
  int begin, end;
};

Task task(const KernelType& type, std::initializer_list<Range> reads, std::initializer_list<Range> writes) {
  Task result{.type = &type};
  for (const auto& [begin, end] : reads)
    result.accesses.push_back({memory + begin, memory + end, false});
  for (const auto& [begin, end] : writes)
    result.accesses.push_back({memory + begin, memory + end, true});
  return result;
}

using Groups = std::vector<std::vector<int>>;

/// Does every task stand in exactly one group, behind all that it waits for?
bool is_valid(const std::vector<Task>& tasks, const Groups& groups) {
  std::vector<std::size_t> group_of(tasks.size(), groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const int t : groups[g]) {
      if (group_of[static_cast<std::size_t>(t)] != groups.size())
        return false;
      group_of[static_cast<std::size_t>(t)] = g;
    }
  }
  const Groups waits_for = cuda::dependencies_of(tasks);
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    for (const int before : waits_for[t]) {
      if (group_of[static_cast<std::size_t>(before)] >= group_of[t])
        return false;
    }
  }
  return std::ranges::none_of(group_of, [&](std::size_t g) { return g == groups.size(); });
}

BOOST_AUTO_TEST_SUITE(schedule)

BOOST_AUTO_TEST_CASE(a_task_waits_for_the_writer_of_what_it_reads) {
  const Groups waits = cuda::dependencies_of(
      {task(kFirst, {}, {{0, 8}}), task(kFirst, {}, {{8, 16}}), task(kFirst, {{4, 6}}, {{16, 24}})});
  BOOST_TEST((waits == Groups{{}, {}, {0}}));
}

BOOST_AUTO_TEST_CASE(a_writer_waits_for_the_readers_and_the_writer_before_it) {
  const Groups waits =
      cuda::dependencies_of({task(kFirst, {}, {{0, 8}}), task(kFirst, {{0, 4}}, {}), task(kFirst, {{4, 8}}, {}),
                             task(kFirst, {}, {{2, 6}}), task(kFirst, {{0, 2}}, {}), task(kFirst, {{5, 7}}, {})});
  BOOST_TEST((waits == Groups{{}, {0}, {0}, {0, 1, 2}, {0}, {0, 3}}));
}

BOOST_AUTO_TEST_CASE(ranges_that_only_touch_are_apart) {
  const Groups waits = cuda::dependencies_of({task(kFirst, {}, {{0, 8}}), task(kFirst, {{8, 16}}, {{16, 24}})});
  BOOST_TEST((waits == Groups{{}, {}}));
}

BOOST_AUTO_TEST_CASE(a_task_that_reads_and_writes_one_range_does_not_wait_for_itself) {
  const Groups waits = cuda::dependencies_of({task(kFirst, {{0, 8}}, {{0, 8}}), task(kFirst, {{0, 8}}, {{4, 12}})});
  BOOST_TEST((waits == Groups{{}, {0}}));
}

BOOST_AUTO_TEST_CASE(independent_kernels_of_a_type_become_one_launch_up_to_its_most) {
  std::vector<Task> tasks;
  for (int i = 0; i < 7; ++i)
    tasks.push_back(task(kFirst, {}, {{i, i + 1}}));
  const Groups groups = cuda::schedule(tasks);
  BOOST_TEST(groups.size() == 3u);
  BOOST_TEST(is_valid(tasks, groups));
}

BOOST_AUTO_TEST_CASE(parallel_chains_run_abreast) {
  // Two chains of first, second, first: three launches and not six.
  std::vector<Task> tasks;
  for (int chain : {0, 32}) {
    tasks.push_back(task(kFirst, {}, {{chain, chain + 1}}));
    tasks.push_back(task(kSecond, {{chain, chain + 1}}, {{chain + 1, chain + 2}}));
    tasks.push_back(task(kFirst, {{chain + 1, chain + 2}}, {{chain + 2, chain + 3}}));
  }
  const Groups groups = cuda::schedule(tasks);
  BOOST_TEST((groups == Groups{{0, 3}, {1, 4}, {2, 5}}));
}

/// A kernel that writes byte `y` after reading byte `x`, and can do one more such step.
struct Chain {
  int x, y;
  int then = -1;  ///< byte that the second step writes from y; -1: there is none
};
const KernelType kChain{&typeid(Chain),
                        sizeof(Chain),
                        3,
                        [](const void*) { return std::int64_t{1}; },
                        [](const void* kernel, cuda::Operands& o) {
                          const auto& chain = *static_cast<const Chain*>(kernel);
                          o.reads(memory + chain.x, 1);
                          o.writes(memory + chain.y, 1);
                          o.writes(memory + chain.then, chain.then < 0 ? 0 : 1);
                        },
                        nullptr};

Task chain(int x, int y) {
  const Chain kernel{x, y};
  const auto* const bytes = reinterpret_cast<const std::byte*>(&kernel);
  Task result{.type = &kChain, .kernel = {bytes, bytes + sizeof kernel}};
  cuda::Operands operands;
  kChain.operands(&kernel, operands);
  result.accesses = operands.all();
  return result;
}

[[maybe_unused]] const bool chains_absorb = register_absorption(kChain, kChain, [](void* first, const void* second) {
  auto& chain = *static_cast<Chain*>(first);
  const auto& next = *static_cast<const Chain*>(second);
  if (chain.then >= 0 || next.then >= 0 || next.x != chain.y)
    return false;
  chain.then = next.y;
  return true;
});

BOOST_AUTO_TEST_CASE(a_kernel_takes_in_the_one_that_reads_its_result_if_it_can) {
  // 1 from 0, 2 from 1, 3 from 2: the first takes the second, which leaves nothing for the third but the order.
  const std::vector<Task> tasks = cuda::with_absorbed({chain(0, 1), chain(1, 2), chain(2, 3)});
  BOOST_TEST(tasks.size() == 2u);
  BOOST_TEST(tasks[0].accesses.size() == 3u);
  BOOST_TEST((cuda::dependencies_of(tasks) == Groups{{}, {0}}));
}

BOOST_AUTO_TEST_CASE(a_kernel_takes_in_what_also_waits_for_others) {
  // 5 is made in between of what is read with 1; both then come after it.
  Task late = chain(1, 2);
  late.accesses.push_back({memory + 5, memory + 6, false});
  const std::vector<Task> tasks = cuda::with_absorbed({chain(0, 1), chain(4, 5), late});
  BOOST_TEST(tasks.size() == 2u);
  BOOST_TEST(tasks[0].accesses[1].begin == memory + 5);
}

BOOST_AUTO_TEST_CASE(what_waits_for_something_that_waits_for_the_first_is_not_taken_in) {
  // 3 is made from 1, and read with 1.
  Task late = chain(1, 2);
  late.accesses.push_back({memory + 3, memory + 4, false});
  Task between = task(kFirst, {{1, 2}}, {{3, 4}});
  BOOST_TEST(cuda::with_absorbed({chain(0, 1), between, late}).size() == 3u);
  // The same through two others.
  between = task(kFirst, {{1, 2}}, {{8, 9}});
  BOOST_TEST(cuda::with_absorbed({chain(0, 1), between, task(kSecond, {{8, 9}}, {{3, 4}}), late}).size() == 4u);
}

BOOST_AUTO_TEST_CASE(readers_of_the_first_come_after_what_it_took_in) {
  // 9 is read from 1 between the two; 2 is written by the second.
  const std::vector<Task> tasks = cuda::with_absorbed({chain(0, 1), task(kFirst, {{1, 2}}, {{9, 10}}), chain(1, 2)});
  BOOST_TEST(tasks.size() == 2u);
  BOOST_TEST((tasks[0].type == &kChain));
  // What reads 2 before it is overwritten keeps the second behind it, and the first may wait for that.
  const std::vector<Task> older = cuda::with_absorbed({chain(0, 1), task(kFirst, {{2, 3}}, {{9, 10}}), chain(1, 2)});
  BOOST_TEST(older.size() == 2u);
  BOOST_TEST((older[0].type == &kFirst));
}

BOOST_AUTO_TEST_CASE(other_work_runs_alone) {
  std::vector<Task> tasks{{.work = [](cudaStream_t) {}}, {.work = [](cudaStream_t) {}}};
  BOOST_TEST(cuda::schedule(tasks).size() == 2u);
}

BOOST_AUTO_TEST_CASE(shuffled_orders_keep_what_waits_and_differ) {
  std::vector<Task> tasks;
  for (int i = 0; i < 12; ++i)
    tasks.push_back(task(i % 2 ? kFirst : kSecond, {{i / 2, i / 2 + 3}}, {{20 + i, 21 + i}}));
  tasks.push_back(task(kFirst, {{20, 32}}, {{0, 9}}));
  std::set<Groups> orders;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Groups order = cuda::shuffled(tasks, seed);
    BOOST_TEST(is_valid(tasks, order));
    BOOST_TEST(order.back().front() == 12);
    orders.insert(order);
  }
  BOOST_TEST(orders.size() > 4u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
