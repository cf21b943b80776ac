// ockham-bench: its cheapest case, the exact passes, the profile.
// labels: slow
#include <set>

#include "apps/runs/bench_cases.h"
#include "tests/apps/program.h"

namespace ockham {
namespace {

using nlohmann::json;
using test::ends_with;
using test::Outcome;
using test::run_program;
using test::summary;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bench, test::TemporaryFolder)

BOOST_AUTO_TEST_CASE(case_prints_one_json_object_with_the_promised_fields) {
  for (const char* flag : {"", " --json"}) {
    const Outcome outcome = run_program(path(), "bench", "--case gemm --repeats 3 --threads 1" + std::string(flag));
    BOOST_TEST(outcome.exit_code == 0);
    BOOST_TEST(std::ranges::count(outcome.out, '\n') == 1);
    const json result = summary(outcome);
    for (const char* field : {"case", "seconds_median", "seconds_min", "images_per_second", "gflops", "peak_bytes",
                              "threads", "isa", "precision"})
      BOOST_TEST(result.contains(field), field);
    BOOST_TEST(result["case"] == "gemm");
    BOOST_TEST(result["threads"] == 1);
    BOOST_TEST(result["seconds_min"].get<double>() > 0.0);
    BOOST_TEST(result["seconds_min"].get<double>() <= result["seconds_median"].get<double>());
    BOOST_TEST(result["gflops"].get<double>() > 0.0);
    BOOST_TEST(result["images_per_second"].is_null());
  }
}

BOOST_AUTO_TEST_CASE(profile_is_off_by_default_and_leaves_the_figures_alone) {
  const Outcome plain = run_program(path(), "bench", "--case gemm --repeats 1");
  BOOST_TEST(!summary(plain).contains("profile"));
  BOOST_TEST(plain.err.empty());
}

BOOST_AUTO_TEST_CASE(profile_rows_of_a_step_name_their_ops_and_add_up_to_most_of_it) {
  const Outcome outcome = run_program(path(), "bench", "--case darts-search-16 --repeats 1 --profile");
  BOOST_REQUIRE(outcome.exit_code == 0);
  const json profile = summary(outcome)["profile"];
  const double total = profile["seconds"].get<double>();
  double inside = 0.0;
  std::set<std::string> passes;
  for (const json& row : profile["rows"]) {
    inside += row["seconds"].get<double>();
    passes.insert(row["pass"].get<std::string>());
    BOOST_TEST(!row["op"].get<std::string>().empty());
    BOOST_TEST(row["calls"].get<int>() >= 1);
    if (row["op"] == "conv2d") {
      BOOST_TEST(row["gflop"].get<double>() > 0.0);
      BOOST_TEST(!row["kernel"].get<std::string>().empty());
    }
  }
  BOOST_TEST(passes.contains("forward"));
  BOOST_TEST(passes.contains("vjp"));
  BOOST_TEST(passes.contains("optimizer"));
  BOOST_TEST(inside >= 0.7 * total);
  BOOST_TEST(inside + profile["seconds_outside_ops"].get<double>() == total, boost::test_tools::tolerance(1e-9));
  for (const char* part : {"GFLOP/s", "kernel", "outside ops", "total"})
    BOOST_TEST(test::contains(outcome.err, part), part);
}

BOOST_AUTO_TEST_CASE(exact_passes_tell_their_time_in_forwards) {
  const json reverse = summary(run_program(path(), "bench", "hessian-reverse --repeats 1"));
  BOOST_TEST(reverse["forwards"].get<double>() > 1.0);
  BOOST_TEST(!reverse.contains("forwards_per_tangent"));
  const json forward = summary(run_program(path(), "bench", "hessian-forward-train --repeats 1"));
  BOOST_TEST(forward["forwards"].get<double>() > 1.0);
  BOOST_TEST(forward["forwards_per_tangent"].get<double>() > 0.0);
}

BOOST_AUTO_TEST_CASE(every_listed_case_is_known_and_others_are_refused) {
  std::istringstream list(run_program(path(), "bench", "--list").out);
  int cases = 0;
  for (std::string name, rest; list >> name && std::getline(list, rest); ++cases)
    BOOST_TEST(apps::find_bench_case(name).name == name);
  BOOST_TEST(cases == 19);
  BOOST_TEST(ends_with(run_program(path(), "bench", "--case nothing"), 2, {"nothing", "darts-search-64"}));
  BOOST_TEST(ends_with(run_program(path(), "bench", "--case loader-cifar10"), 5, {"--data"}));
  for (const char* name : {"hessian-reverse", "hessian-forward-train", "gemm"})
    BOOST_TEST(ends_with(run_program(path(), "bench", concat(name, " --precision bf16")), 2, {"bf16", "fp32"}), name);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
