// The live bar, plain lines, quiet, and the log file.
#include "apps/cli/progress.h"

#include <fstream>
#include <sstream>

#include "apps/cli/host.h"
#include "apps/runs/gemm_rate.h"
#include "tests/support.h"

namespace ockham::apps {
namespace {

/// A log into a string and a clock that the test moves.
struct Bench {
  explicit Bench(LogStyle style) : log(text, style) {}
  Progress::Clock clock() {
    return [this] { return now; };
  }
  bool shows(std::string_view part) const { return text.str().find(part) != std::string::npos; }

  std::ostringstream text;
  Log log;
  double now = 1000;
};

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(progress)

BOOST_AUTO_TEST_CASE(plain_line_comes_every_ten_seconds) {
  Bench bench({});
  Progress progress(bench.log, "search", 100, 0, bench.clock());
  for (int step = 0; step < 25; ++step) {
    bench.now += 1;
    progress.advance(64, 0.25, "loss 1.5");
  }
  BOOST_TEST(bench.text.str() ==
             "search: 10% 10/100, 1 min 30 s left, 64 images/s, data wait 25%, loss 1.5\n"
             "search: 20% 20/100, 1 min 20 s left, 64 images/s, data wait 25%, loss 1.5\n");
}

BOOST_AUTO_TEST_CASE(share_of_what_the_machine_could_do_is_told_where_known) {
  Bench bench({});
  Progress progress(bench.log, "train", 100, 0, bench.clock());
  progress.set_peak(200);
  bench.now += 20;
  progress.advance(1000, 0);
  BOOST_TEST(bench.shows("50 images/s (25% of GEMM), data wait 0%"));
}

BOOST_AUTO_TEST_CASE(rate_of_matrix_products_is_measured_in_a_moment) {
  const double begin = monotonic_seconds();
  const double rate = measure_gemm_rate();
  BOOST_TEST(rate > 1e8);                         // the slowest processor of today
  BOOST_TEST(rate < 1e15);                        // more than any has
  BOOST_TEST(monotonic_seconds() - begin < 5.0);  // 0.03 s where nothing else runs
}

BOOST_AUTO_TEST_CASE(resumed_work_counts_done_steps_but_not_their_time) {
  Bench bench({});
  Progress progress(bench.log, "train", 100, 50, bench.clock());
  bench.now += 20;
  progress.advance(0, 0);
  BOOST_TEST(bench.shows("51% 51/100, 16 min 20 s left\n"));
}

BOOST_AUTO_TEST_CASE(live_bar_is_rewritten_in_place_and_cut_to_the_terminal) {
  Bench bench({.live = true, .columns = 20});
  {
    Progress progress(bench.log, "search", 2, 0, bench.clock());
    bench.now += 1;
    progress.advance(1, 0);
    BOOST_TEST(bench.text.str() == "\r\x1b[Ksearch [======     ");
    bench.log.line("hello");
    BOOST_TEST(bench.shows("\r\x1b[Khello\nsearch [======"));
  }
  BOOST_TEST(bench.text.str().ends_with("\r\x1b[K"));
}

BOOST_AUTO_TEST_CASE(finish_tells_time_and_speed) {
  Bench bench({});
  Progress progress(bench.log, "train", 1, 0, bench.clock());
  bench.now += 2;
  progress.advance(3000, 0);
  progress.finish();
  BOOST_TEST(bench.text.str() == "train: done in 2.00 s, 1,500 images/s\n");
}

BOOST_AUTO_TEST_CASE(pace_forgets_a_slow_start) {
  Pace pace;
  BOOST_TEST(pace.seconds_for(1) < 0);
  pace.add(60, 60, 10);
  for (int step = 0; step < 3000; ++step)
    pace.add(0.1, 0, 10);
  BOOST_TEST(pace.images_per_second() == 100, boost::test_tools::tolerance(0.01));
  BOOST_TEST(pace.seconds_for(100) == 10, boost::test_tools::tolerance(0.01));
  BOOST_TEST(pace.data_wait() < 0.01);
}

BOOST_AUTO_TEST_CASE(quiet_prints_errors_only_and_keeps_all) {
  const test::TemporaryFolder folder;
  Bench bench({.live = true, .quiet = true});
  bench.log.line("early");
  bench.log.keep_in(folder.path() / "log.txt");
  bench.log.line("late");
  bench.log.live("bar");
  bench.log.error("bad");
  BOOST_TEST(bench.text.str() == "bad\n");
  BOOST_TEST(content(folder.path() / "log.txt") == "early\nlate\nbad\n");
}

BOOST_AUTO_TEST_CASE(errors_are_red_only_where_colours_are_wanted) {
  Bench colored({.live = true, .color = true});
  colored.log.error("bad");
  BOOST_TEST(colored.text.str() == "\x1b[31mbad\x1b[0m\n");
}

BOOST_AUTO_TEST_CASE(full_disk_ends_the_log_file_but_not_the_run) {
  Bench bench({});
  bench.log.keep_in("/dev/full");
  bench.log.line("one");
  bench.log.line("two");
  BOOST_TEST(bench.text.str() == "one\nlog.txt cannot be written any more; the run goes on without it\ntwo\n");
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
