// Text that is no genotype: each kind is refused with its place and the rule, and nothing crashes.
#include <chrono>
#include <random>

#include "engine/error.h"
#include "nas/genotype/genotype.h"
#include "nas/genotype/published.h"
#include "tests/support.h"

using namespace ockham::nas;
using ockham::test::Says;

namespace {

/// A sound one-node genotype with one part replaced.
std::string darts_with(const std::string& part, const std::string& by) {
  std::string text =
      "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0)], normal_concat=range(2, 3), "
      "reduce=[('max_pool_3x3', 0), ('skip_connect', 1)], reduce_concat=[2])";
  return text.replace(text.find(part), part.size(), by);
}

std::string json_with(const std::string& part, const std::string& by) {
  std::string text =
      R"({"format": 1, "space": "bayesnas", "nodes": 2, "concat": [0, 1],
 "normal": [{"from": "in0", "to": 0, "stride": 1, "ops": ["identity"]}, {"from": "node0", "to": 1, "ops": ["sep_conv_3x3"]}],
 "reduce": [{"from": "in1", "to": 0, "stride": 2, "ops": ["max_pool_3x3"]}, {"from": "in0", "to": 1, "ops": ["identity"]}]})";
  return text.replace(text.find(part), part.size(), by);
}

void refuses_darts(const std::string& text, const Says& says) {
  BOOST_CHECK_EXCEPTION(parse_darts(text), ockham::UsageError, says);
}

void refuses_json(const std::string& text, const Says& says) {
  BOOST_CHECK_EXCEPTION(parse_genotype_json(text), ockham::UsageError, says);
}

/// Replaces, inserts, deletes or doubles a few bytes.
std::string mutated(std::string text, std::mt19937& random) {
  const std::string alphabet = "[](){}',\"=:0123456789-.eE abnr_\n\\\xff";
  const int edits = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < edits && !text.empty(); ++i) {
    const std::size_t at = random() % text.size();
    const char c = alphabet[random() % alphabet.size()];
    switch (random() % 5) {
      case 0:
        text[at] = c;
        break;
      case 1:
        text.insert(at, 1, c);
        break;
      case 2:
        text.erase(at, 1 + random() % 9);
        break;
      case 3:
        text.insert(at, text.substr(at, random() % 40));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(genotype_hostile)

BOOST_AUTO_TEST_CASE(the_unchanged_texts_are_sound) {
  BOOST_CHECK_NO_THROW(parse_darts(darts_with("sep", "sep")));
  BOOST_CHECK_NO_THROW(parse_genotype_json(json_with("in0", "in0")));
}

BOOST_AUTO_TEST_CASE(darts_errors_name_the_column) {
  refuses_darts(darts_with("sep_conv_3x3", "sep_conv_9x9"), {{"column 19", "'sep_conv_9x9'", "known: max_pool_3x3"}});
  refuses_darts(darts_with("skip_connect", "none"), {{"column 40", "'none'", "leave the edge out"}});
  refuses_darts(darts_with("', 1)", "', 2)"), {{"column 35", "node 0 (id 2) cannot read id 2", "0 to 1"}});
  refuses_darts(darts_with("', 1)", "', -1)"), {{"column 35", "number (0 or more)", "'-'"}});
  refuses_darts(darts_with("', 1)", "', 99999999999)"), {{"column 35", "more than 6 digits"}});
  refuses_darts(darts_with("', 1)", "' 1)"), {{"column 34", "expected ','", "'1'"}});
  refuses_darts(darts_with("', 1)", "', 1, 0.5, 3)"), {{"at most a weight"}});
  refuses_darts(darts_with(", ('skip_connect', 0)", ""), {{"column 17", "1 pairs", "two"}});
  refuses_darts(darts_with("range(2, 3)", "range(1, 3)"), {{"column 75", "id 1 is no node"}});
  refuses_darts(darts_with("range(2, 3)", "range(2, 999999)"), {{"column 75", "id 18 is no node", "2 to 17"}});
  refuses_darts(darts_with("range(2, 3)", "[3, 2]"), {{"column 79", "id 2 stands after id 3"}});
  refuses_darts(darts_with("reduce=", "normal="), {{"column 88", "'normal' is given twice"}});
  refuses_darts(darts_with("reduce=", "reduse="), {{"column 88", "unknown field 'reduse'"}});
  refuses_darts(darts_with("reduce_concat", "connects=9, reduce_concat"), {{"expected None"}});
  refuses_darts(darts_with("Genotype", "eval"), {{"column 1:", "expected Genotype(...)", "'eval'"}});
  refuses_darts(darts_with("_concat=[2])", "_concat=[2]) + 1"), {{"nothing may follow"}});
  refuses_darts(darts_with(", reduce_concat=[2]", ""), {{"without reduce_concat=..."}});
}

BOOST_AUTO_TEST_CASE(darts_errors_name_the_line_where_there_are_several) {
  refuses_darts("Genotype(\n  normal=[('sep_conv_3x3', 1),\n   ('foo', 0)]", {{"line 3, column 5", "'foo'"}});
}

BOOST_AUTO_TEST_CASE(darts_text_cut_anywhere_is_refused) {
  const std::string text = to_darts(load_genotype("DARTS_V2"));
  for (std::size_t length = 0; length < text.size(); ++length)
    BOOST_CHECK_THROW(parse_darts(text.substr(0, length)), ockham::UsageError);
}

BOOST_AUTO_TEST_CASE(too_many_nodes_are_refused) {
  std::string pairs;
  for (int i = 0; i < 2 * (kMaxNodes + 1); ++i)
    pairs += "('skip_connect', 0), ";
  refuses_darts(darts_with("('sep_conv_3x3', 1), ", pairs), {{"more than 16 nodes"}});
}

BOOST_AUTO_TEST_CASE(json_syntax_errors_name_line_and_column) {
  refuses_json(json_with("\"nodes\": 2", "\"nodes\" 2"), {{"line 1, column 44"}});
  refuses_json("", {{"malformed"}});
  refuses_json(json_with("}]}", "}]} x"), {{"malformed", "line 3"}});
  refuses_json("{\"format\": 1, \"space\": \"\xff\xfe\"", {{"malformed"}});
}

BOOST_AUTO_TEST_CASE(json_duplicate_and_unknown_keys_are_refused) {
  refuses_json(json_with("\"nodes\": 2", "\"nodes\": 2, \"nodes\": 3"), {{"'nodes'", "twice"}});
  refuses_json(json_with("\"to\": 0", "\"to\": 0, \"to\": 1"), {{"'to'", "twice"}});
  refuses_json(json_with("\"to\": 0", "\"too\": 0"), {{"normal[0]", "unknown key 'too'"}});
  refuses_json(json_with("\"format\": 1, ", ""), {{"lacks 'format'"}});
  refuses_json("[1]", {{"not an object"}});
}

BOOST_AUTO_TEST_CASE(json_values_of_wrong_type_or_range_are_refused_with_their_path) {
  refuses_json(json_with("\"format\": 1", "\"format\": 2"), {{"format is 2", "1 to 1"}});
  refuses_json(json_with("\"nodes\": 2", "\"nodes\": 2.0"), {{"nodes is not an integer"}});
  refuses_json(json_with("\"nodes\": 2", "\"nodes\": 18446744073709551615"), {{"nodes is 18446744073709551615"}});
  refuses_json(json_with("\"nodes\": 2", "\"nodes\": -9223372036854775808"), {{"nodes is -9223372036854775808"}});
  refuses_json(json_with("\"to\": 1", "\"to\": 2"), {{"normal[1].to is 2", "0 to 1"}});
  refuses_json(json_with("\"from\": \"node0\"", "\"from\": \"node7\""),
               {{"normal[1].from", "'node7'", "node0 to node1"}});
  refuses_json(json_with("\"from\": \"node0\"", "\"from\": 0"), {{"normal[1].from is not a string"}});
  refuses_json(json_with("[\"identity\"]", "[\"none\"]"), {{"normal[0].ops[0]", "'none'", "known: "}});
  refuses_json(json_with("[\"identity\"]", "\"identity\""), {{"normal[0].ops is not an array"}});
  refuses_json(json_with("\"space\": \"bayesnas\"", "\"space\": \"mine\""), {{"unknown space 'mine'"}});
}

BOOST_AUTO_TEST_CASE(json_cells_that_break_a_rule_are_refused) {
  refuses_json(json_with("\"stride\": 2", "\"stride\": 1"), {{"reduce edge in1_0", "has stride 1, must be 2"}});
  refuses_json(json_with("[\"identity\"]", "[]"), {{"normal edge in0_0", "no operation"}});
  refuses_json(json_with("[\"identity\"]", "[\"identity\", \"skip_connect\"]"), {{"in0_0", "identity twice"}});
  refuses_json(json_with("\"from\": \"node0\"", "\"from\": \"node1\""), {{"into node 1", "starts at id 3"}});
  refuses_json(json_with("\"from\": \"in0\", \"to\": 0", "\"from\": \"in0\", \"to\": 1"),
               {{"sel_0_1", "reads node 0", "no incoming edge"}});
  refuses_json(json_with("\"concat\": [0, 1]", "\"concat\": []"), {{"empty concat"}});
  refuses_json(json_with("\"concat\": [0, 1]", "\"concat\": [1, 0]"), {{"node 0 after node 1"}});
}

BOOST_AUTO_TEST_CASE(deep_nesting_and_huge_texts_are_refused_quickly) {
  const auto start = std::chrono::steady_clock::now();
  refuses_json(std::string(1'000'000, '['), {{"deeper than"}});
  refuses_json("{\"a\":" + std::string(900'000, '{'), {{"malformed"}});
  refuses_json(std::string(2'000'000, ' '), {{"longer than 1048576 bytes"}});
  refuses_darts(std::string(2'000'000, '('), {{"longer than 1048576 bytes"}});
  refuses_darts("Genotype(normal=" + std::string(1'000'000, '['), {{"column 20"}});
  BOOST_CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

BOOST_AUTO_TEST_CASE(random_damage_is_read_or_refused_but_never_crashes) {
  std::mt19937 random(20190500);
  int refused = 0;
  for (int round = 0; round < 6000; ++round) {
    const Published& known = published_genotypes()[random() % published_genotypes().size()];
    const std::string text = mutated(std::string(known.text), random);
    try {
      const Genotype g = known.text.front() == '{' ? parse_genotype_json(text) : parse_darts(text);
      BOOST_CHECK(parse_genotype_json(to_json(g)) == g);
    } catch (const ockham::UsageError&) {
      ++refused;
    }
  }
  BOOST_TEST(refused > 3000);
}

BOOST_AUTO_TEST_SUITE_END()
