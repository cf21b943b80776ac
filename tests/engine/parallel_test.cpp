#include "engine/parallel.h"

#include <omp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "engine/error.h"
#include "tests/engine/address_limit.h"
#include "tests/support.h"

namespace ockham {
namespace {

/// Runs each test body at 1 to 4 threads, with a team per loop and in one team for all, and restores the count.
struct Fixture {
  const int before = thread_count();
  ~Fixture() { set_thread_count(before); }
  Fixture() = default;
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  template <class Body>
  void at_each_count(Body&& body) {
    for (int threads = 1; threads <= 4; ++threads) {
      set_thread_count(threads);
      body();
      with_thread_team(body);
    }
  }
};

BOOST_FIXTURE_TEST_SUITE(parallel, Fixture)

BOOST_AUTO_TEST_CASE(every_index_is_visited_once_in_chunks_of_the_grain) {
  at_each_count([] {
    std::vector<int> visits(1003);
    std::atomic<int> wrong{0};
    parallel_for(1003, 10, [&](std::int64_t begin, std::int64_t end) {
      wrong += begin % 10 != 0 || end != std::min<std::int64_t>(begin + 10, 1003);
      for (std::int64_t i = begin; i < end; ++i)
        ++visits[static_cast<std::size_t>(i)];
    });
    BOOST_TEST(wrong == 0);
    BOOST_TEST((visits == std::vector<int>(1003, 1)));
  });
}

BOOST_AUTO_TEST_CASE(an_empty_range_does_nothing) {
  parallel_for(0, 10, [](std::int64_t, std::int64_t) { BOOST_ERROR("called"); });
  BOOST_TEST(parallel_sum(0, 10, [](std::int64_t, std::int64_t) { return 1.0; }) == 0.0);
}

BOOST_AUTO_TEST_CASE(sums_have_the_same_bits_at_any_number_of_threads) {
  const auto total = [] {
    return parallel_sum(100'000, 7, [](std::int64_t begin, std::int64_t end) {
      double part = 0.0;
      for (std::int64_t i = begin; i < end; ++i)
        part += std::sin(static_cast<double>(i));
      return part;
    });
  };
  set_thread_count(1);
  const double alone = total();
  at_each_count([&] { BOOST_TEST(total() == alone); });
}

/// Can chunks of two threads wait for each other? The wait is bounded so that a failure ends.
bool do_two_threads_meet() {
  std::atomic<int> inside{0};
  std::atomic<bool> met{false};
  parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
    ++inside;
    const double deadline = omp_get_wtime() + 5.0;
    while (inside < 2 && omp_get_wtime() < deadline) {
    }
    met = met || inside == 2;
  });
  return met;
}

BOOST_AUTO_TEST_CASE(several_threads_take_part) {
  set_thread_count(2);
  BOOST_TEST(do_two_threads_meet());
  with_thread_team([] { BOOST_TEST(do_two_threads_meet()); });
}

BOOST_AUTO_TEST_CASE(a_team_within_a_team_is_the_same_team) {
  set_thread_count(2);
  with_thread_team([] {
    with_thread_team([] { BOOST_TEST(do_two_threads_meet()); });
    BOOST_TEST(do_two_threads_meet());
  });
}

BOOST_AUTO_TEST_CASE(no_more_threads_of_a_team_take_part_than_were_set) {
  set_thread_count(4);
  with_thread_team([] {
    set_thread_count(2);
    std::mutex mutex;
    for (int round = 0; round < 100; ++round) {
      std::set<std::thread::id> threads;
      parallel_for(64, 1, [&](std::int64_t, std::int64_t) {
        const std::lock_guard lock(mutex);
        threads.insert(std::this_thread::get_id());
      });
      BOOST_TEST(threads.size() <= 2u);
    }
  });
}

BOOST_AUTO_TEST_CASE(the_exception_of_the_first_failing_chunk_arrives) {
  at_each_count([] {
    const auto fail = [] {
      parallel_for(100, 1, [](std::int64_t begin, std::int64_t) {
        if (begin >= 20)
          throw std::runtime_error(std::to_string(begin));
      });
    };
    BOOST_CHECK_EXCEPTION(fail(), std::runtime_error,
                          [](const std::runtime_error& e) { return std::string(e.what()) == "20"; });
  });
}

BOOST_AUTO_TEST_CASE(loops_work_again_after_an_exception) {
  set_thread_count(4);
  BOOST_CHECK_THROW(parallel_for(100, 1, [](std::int64_t, std::int64_t) { throw std::runtime_error("x"); }),
                    std::runtime_error);
  std::atomic<int> visits{0};
  parallel_for(100, 1, [&](std::int64_t, std::int64_t) { ++visits; });
  BOOST_TEST(visits == 100);
}

BOOST_AUTO_TEST_CASE(a_nested_loop_runs_on_its_thread_alone) {
  set_thread_count(4);
  std::atomic<int> strangers{0};
  std::atomic<int> visits{0};
  parallel_for(4, 1, [&](std::int64_t, std::int64_t) {
    const std::thread::id outer = std::this_thread::get_id();
    parallel_for(10, 1, [&](std::int64_t, std::int64_t) {
      strangers += std::this_thread::get_id() != outer;
      ++visits;
    });
  });
  BOOST_TEST(strangers == 0);
  BOOST_TEST(visits == 40);
}

BOOST_AUTO_TEST_CASE(loops_of_several_chunks_are_counted_at_any_thread_count) {
  for (int threads : {1, 3}) {
    set_thread_count(threads);
    const std::int64_t loops = shared_loops();
    parallel_for(10, 10, [](std::int64_t, std::int64_t) {});
    BOOST_TEST(shared_loops() == loops);
    parallel_for(11, 10, [](std::int64_t, std::int64_t) {});
    BOOST_TEST(shared_loops() == loops + 1);
  }
}

BOOST_AUTO_TEST_CASE(thread_counts_out_of_range_are_refused) {
  BOOST_CHECK_EXCEPTION(set_thread_count(0), UsageError, (test::Says{{"0", "1 to 1024"}}));
  BOOST_CHECK_THROW(set_thread_count(1025), UsageError);
  set_thread_count(3);
  BOOST_TEST(thread_count() == 3);
}

BOOST_AUTO_TEST_CASE(a_team_that_the_system_does_not_give_is_refused_with_the_numbers,
                     *boost::unit_test::precondition(test::system_rations)) {
  const ::pid_t child = ::fork();  // for its limits only
  if (child == 0) {
    rlimit limit{};
    ::getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = std::size_t{1} << 20;
    ::setrlimit(RLIMIT_AS, &limit);
    set_thread_count(500);  // more than stacks are kept of threads that have ended
    try {
      with_thread_team([] {});
    } catch (const Error& e) {
      ::_exit(test::Says{{"of 500 could be had", "ulimit -v", "--threads"}}(e) ? 0 : 2);
    }
    ::_exit(1);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(what_a_team_throws_arrives_and_the_next_team_works) {
  BOOST_CHECK_EXCEPTION(with_thread_team([] { throw UsageError("from the team"); }), UsageError,
                        (test::Says{{"from the team"}}));
  int calls = 0;
  with_thread_team([&] { ++calls; });
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
