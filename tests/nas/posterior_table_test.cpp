#include "nas/methods/posterior_table.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "tests/support.h"

using namespace ockham::nas;
using nlohmann::json;

namespace {

const PosteriorTable kTable{.rows = {{"normal in0_0", "origin"}, {"normal in0_0", "sep_conv_3x3"}},
                            .columns = {{"gamma", {1.5, 0.01}}, {"pruned_round", {0.0, 3.0}}},
                            .copies = {{"switch", {{1.0, 0.5}, {0.0, 0.25}}}},
                            .threshold = 0.5};

}  // namespace

BOOST_AUTO_TEST_SUITE(posterior_table)

BOOST_AUTO_TEST_CASE(json_holds_every_group_and_its_numbers) {
  const json root = json::parse(posterior_json(kTable, "bayesnas", "darts"));
  BOOST_TEST(root["format"] == 2);
  BOOST_TEST(root["method"] == "bayesnas");
  BOOST_TEST(root["space"] == "darts");
  BOOST_TEST(root["threshold"] == 0.5);
  BOOST_REQUIRE(root["groups"].size() == 2u);
  const json& pruned = root["groups"][1];
  BOOST_TEST(pruned["choice"] == "normal in0_0");
  BOOST_TEST(pruned["option"] == "sep_conv_3x3");
  BOOST_TEST(pruned["gamma"] == 0.01);
  BOOST_TEST(pruned["pruned_round"] == 3);
  BOOST_TEST(pruned["copies"]["switch"] == (std::vector<double>{0.0, 0.25}));
}

BOOST_AUTO_TEST_CASE(rounds_are_a_list_of_their_own_and_absent_where_there_were_none) {
  PosteriorTable table = kTable;
  BOOST_TEST(!json::parse(posterior_json(table, "bayesnas", "darts")).contains("rounds"));
  table.rounds = {{{"round", 1}, {"pruned", 7}}, {{"round", 2}, {"pruned", 0}}};
  const json root = json::parse(posterior_json(table, "bayesnas", "darts"));
  BOOST_REQUIRE(root["rounds"].size() == 2u);
  BOOST_TEST(root["rounds"][0]["pruned"] == 7);
}

BOOST_AUTO_TEST_CASE(what_a_method_does_not_know_is_left_out_and_what_is_not_finite_is_null) {
  PosteriorTable table = kTable;
  table.copies.clear();
  table.threshold.reset();
  table.columns["entropy"] = {-std::numeric_limits<double>::infinity(), 1.0};
  const json root = json::parse(posterior_json(table, "bayesnas", "darts"));
  BOOST_TEST(!root.contains("threshold"));
  BOOST_TEST(!root["groups"][0].contains("copies"));
  BOOST_TEST(root["groups"][0]["entropy"].is_null());
}

BOOST_AUTO_TEST_SUITE_END()
