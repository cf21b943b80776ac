// The entry point shared by all test programs; suites live in LAYER/NAME_test.cpp.
#define BOOST_TEST_MODULE ockham
#define BOOST_TEST_NO_MAIN
#if defined(OCKHAM_PORTABLE)
#include <boost/test/included/unit_test.hpp>
#else
#include <boost/test/unit_test.hpp>
#endif

#include "tests/support.h"
#if defined(OCKHAM_TEST_IN_TEAM)
#include "engine/parallel.h"
#endif

/// CTest reports this exit code as "Skipped"; a failure beside a skip stays a failure.
constexpr int kSkipped = 77;

int main(int argc, char** argv) {
  int result = 1;
  const auto run = [&] { result = boost::unit_test::unit_test_main(init_unit_test, argc, argv); };
#if defined(OCKHAM_TEST_IN_TEAM)
  ockham::with_thread_team(run);  // as the programs do; tests/engine covers both ways
#else
  run();
#endif
  return result == 0 && ockham::test::skipped ? kSkipped : result;
}
