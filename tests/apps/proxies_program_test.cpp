// ockham-proxies: its three measures and what it makes of several proxies.
#include <sstream>

#include "tests/apps/nasbench201_table.h"
#include "tests/apps/program.h"

namespace ockham {
namespace {

using nlohmann::json;
using test::content;
using test::run_program;
using test::TemporaryFolder;

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, ',');)
    fields.push_back(field);
  return fields;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(proxies_program, TemporaryFolder)

BOOST_AUTO_TEST_CASE(proxies_and_their_combinations_are_judged_by_both_correlations_and_the_gain_of_the_head) {
  test::write_nasbench201_table(path() / "table.csv", [](std::int64_t cell) {
    const std::string accuracy = std::to_string(static_cast<double>(cell) / 200.0);
    return accuracy + "," + accuracy + ",2,3";
  });
  const test::Outcome outcome =
      run_program(path(), "proxies",
                  "--dataset shapes --train-size 32 --test-size 8 --image-size 8 --table table.csv --count 12 "
                  "--channels 2 --cells 1 "
                  "--batch-size 4 --proxies tensors,macs,fisher_spectrum,jacobian_covariance --csv scores.csv --json");
  BOOST_REQUIRE(outcome.exit_code == 0);
  const json summary = test::summary(outcome);
  BOOST_TEST(summary["ndcg_cells"] == 1);
  std::vector<std::string> names;
  for (const json& row : summary["proxies"]) {
    names.push_back(row["proxy"]);
    const double gain = row["c10_test_200"]["ndcg"].get<double>();
    BOOST_TEST((gain >= 0.0 && gain <= 1.0));
    BOOST_TEST(row["c100_test_200"]["ndcg"] == 1.0);  // all cells are equal, so that none leads wrongly
    BOOST_TEST(row["c100_test_200"]["spearman"] == "nan");
  }
  BOOST_TEST(names == (std::vector<std::string>{"tensors", "macs", "fisher_spectrum", "jacobian_covariance", "vkdnw",
                                                "vkdnw_ranks"}),
             boost::test_tools::per_element());
  std::istringstream lines(content(path() / "scores.csv"));
  std::string line;
  std::getline(lines, line);  // the header: cell, then the names above
  std::int64_t cells = 0;
  for (; std::getline(lines, line); ++cells) {
    const std::vector<std::string> fields = fields_of(line);
    BOOST_TEST(std::stod(fields[5]) == std::stod(fields[1]) + std::stod(fields[3]));
  }
  BOOST_TEST(cells == 12);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
