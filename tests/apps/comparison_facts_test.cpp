// What a comparison reads from the folder of a search.
#include "apps/search/comparison/comparison_facts.h"

#include <fstream>

#include "apps/cli/host.h"
#include "apps/search/skip_watch.h"
#include "engine/error.h"
#include "tests/support.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

/// A folder of a search of four steps and two epochs, one second a step and two for what an epoch ends with.
struct Search : test::TemporaryFolder {
  Search() {
    double t = 1'000'000'000.0;
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (int step = 0; step < 2; ++step, t += 1.0)
        lines.push_back({{"t", t}, {"split", "train"}});
      t += 1.0;
      lines.push_back({{"t", t}, {"split", "valid"}, {"top1", 0.25 + epoch}, {"c10_test_200", 80.0 + epoch}});
      t += 1.0;
    }
  }

  void write(const char* name, const std::string& text) const { std::ofstream(path() / name) << text; }
  Json read() const {
    std::string metrics;
    for (const Json& line : lines)
      metrics += line.dump() + "\n";
    write("metrics.jsonl", metrics);
    write("summary.json", summary.dump());
    write("run.json", run.dump());
    return run_facts(path());
  }
  Json& truth() { return summary["truth"] = {{"c10_test_200", 92.0}}; }
  void call(const std::string& code) {
    const char* names[] = {"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"};
    const auto op = [&](std::size_t edge) { return std::string(names[code[edge] - '0']); };
    summary["cell"] =
        "|" + op(0) + "~0|+|" + op(1) + "~0|" + op(2) + "~1|+|" + op(3) + "~0|" + op(4) + "~1|" + op(5) + "~2|";
  }

  std::vector<Json> lines;
  Json run = Json::object();
  Json summary{{"method", "darts"},
               {"space", "nasbench201"},
               {"seed", 3},
               {"seconds", 12.5},
               {"peak_bytes", 100},
               {"cell", "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"},
               {"params", 7},
               {"macs", 8},
               {"skips", 1},
               {"supernet_valid_accuracy", 0.5}};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(comparison_facts, Search)

BOOST_AUTO_TEST_CASE(curve_runs_from_the_first_line_to_the_cell_named_in_the_end) {
  truth();
  const Json facts = read();
  const Json curve = Json::array({{{"seconds", 3.0}, {"accuracy", 80.0}},
                                  {{"seconds", 7.0}, {"accuracy", 81.0}},
                                  {{"seconds", 12.5}, {"accuracy", 92.0}, {"is_end", true}}});
  BOOST_TEST(facts["curve"] == curve);
  BOOST_TEST(facts["steps"] == 4);
  BOOST_TEST(facts["step_seconds"] == 1.0);
  BOOST_TEST(facts["cell"] == "333130");
  BOOST_TEST(facts["skips"] == 1);
  BOOST_TEST(facts["nones"] == 1);
  BOOST_TEST(facts["seconds"] == 12.5);
  BOOST_TEST(facts["resumed"] == false);
  BOOST_TEST(facts["supernet_valid_accuracy"] == 50.0);
}

BOOST_AUTO_TEST_CASE(without_a_table_the_curve_is_of_held_out_images) {
  const Json curve = Json::array({{{"seconds", 3.0}, {"accuracy", 25.0}}, {{"seconds", 7.0}, {"accuracy", 125.0}}});
  BOOST_TEST(read()["curve"] == curve);
}

BOOST_AUTO_TEST_CASE(pauses_of_a_resumed_search_are_left_out) {
  const double resumed = lines[3]["t"].get<double>() + 0.5;
  for (std::size_t i = 4; i < lines.size(); ++i)
    lines[i]["t"] = lines[i]["t"].get<double>() + 5000.0;
  run["resumed"] = Json::array({{{"start", utc_text(resumed + 4000.0)}}});
  const Json facts = read();
  BOOST_TEST(facts["resumed"] == true);
  BOOST_TEST(facts["seconds"] == 6.0);  // 7 without a pause; the step during which it was stopped is unknown
  BOOST_TEST(facts["curve"][1]["seconds"] == 6.0);
  BOOST_TEST(facts["step_seconds"] == 1.0);
}

BOOST_AUTO_TEST_CASE(collapse_is_a_poor_cell_or_one_mostly_of_skips_and_nones) {
  truth();
  BOOST_TEST(read()["collapsed"] == false);
  truth()["c10_test_200"] = 84.9;
  BOOST_TEST(read()["collapsed"] == true);
  truth()["c10_test_200"] = 85.0;
  BOOST_TEST(read()["collapsed"] == false);
  call("110333");
  BOOST_TEST(read()["collapsed"] == false);  // half
  call("110133");
  BOOST_TEST(read()["collapsed"] == true);
}

BOOST_AUTO_TEST_CASE(skip_connections_that_prevail_are_warned_of) {
  const std::string half = "|skip_connect~0|+|skip_connect~0|none~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";
  const std::string most = "|skip_connect~0|+|skip_connect~0|none~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|";
  BOOST_TEST(collapse_warning("nasbench201", half) == "");
  BOOST_TEST(collapse_warning("nasbench201", most).starts_with("warning: 3 of the 6 operations of the cell"));
  const std::string darts =
      "Genotype(normal=[('skip_connect', 0), ('skip_connect', 1)], normal_concat=[2], "
      "reduce=[('skip_connect', 0), ('max_pool_3x3', 1)], reduce_concat=[2])";
  BOOST_TEST(collapse_warning("darts", darts).starts_with("warning: 3 of the 4 operations"));
  BOOST_TEST(collapse_warning("darts", "DARTS_V2") == "");
  BOOST_TEST(collapse_warning("1shot1-1", "whatever") == "");  // no such count there
}

BOOST_AUTO_TEST_CASE(candidates_are_summed_by_how_often_they_were_drawn) {
  truth();
  const auto row = [](const Json& score, int times, double c10) {
    return Json{{"cell", "x"}, {"score", score}, {"times", times}, {"c10_test_200", c10}};
  };
  // Ranks of scores 0 1 2 3, of truth 0 2 1 3: Spearman 0.8, Kendall 2 / 3.
  write("candidates.json",
        Json{row(1.0, 4, 80.0), row(2.0, 1, 90.0), row(3.0, 2, 85.0), row(4.0, 1, 94.0), row(nullptr, 2, 10.0)}.dump());
  const Json group = read()["candidates"];
  BOOST_TEST(group["distinct"] == 5);
  BOOST_TEST(group["drawn"] == 10);
  BOOST_TEST(group["chosen"] == 92.0);
  BOOST_TEST(group["mean"].get<double>() == (4 * 80.0 + 90.0 + 2 * 85.0 + 94.0 + 2 * 10.0) / 10,
             boost::test_tools::tolerance(1e-12));
  BOOST_TEST(group["best"] == 94.0);
  BOOST_TEST(group["spearman"].get<double>() == 0.8, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(damaged_files_are_named) {
  read();
  write("metrics.jsonl", "{\"t\": 1, \"spl");
  BOOST_CHECK_EXCEPTION(run_facts(path()), Error, [](const Error& e) {
    return std::string(e.what()).find("metrics.jsonl") != std::string::npos;
  });
  read();
  write("summary.json", "{");
  BOOST_CHECK_EXCEPTION(run_facts(path()), Error,
                        [](const Error& e) { return std::string(e.what()).find("summary.json") != std::string::npos; });
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
