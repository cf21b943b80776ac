// --precision bf16 end to end.
// labels: slow
#include <regex>

#include "tests/apps/program.h"

namespace ockham {
namespace {

using test::run_program;
using test::TemporaryFolder;

const std::string kTrain =
    "--genotype DARTS_V2 --train-size 400 --valid-size 0 --test-size 16 --image-size 16 --channels 16 --cells 3 "
    "--batch-size 32 --epochs 2 --drop-path-prob 0 --cutout 0 ";

/// The last number in a dry run's line "predicted peak ... N bytes".
double predicted_peak(const std::string& out) {
  std::smatch match;
  BOOST_REQUIRE(std::regex_search(out, match, std::regex("predicted peak.*, ([0-9,]+) bytes")));
  std::string digits = match[1];
  std::erase(digits, ',');
  return std::stod(digits);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(precision, TemporaryFolder)

BOOST_AUTO_TEST_CASE(dry_run_knows_the_smaller_maps) {
  const std::string plan = kTrain + "--dry-run --threads 1 ";
  const double wide = predicted_peak(run_program(path(), "train", plan).out);
  const double narrow = predicted_peak(run_program(path(), "train", plan + "--precision bf16").out);
  BOOST_TEST(narrow < 0.75 * wide);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
