// Genotypes in both forms: what is read, what is written, and that one leads back to the other.
#include "nas/genotype/genotype.h"

#include <fstream>

#include "engine/error.h"
#include "nas/genotype/published.h"
#include "tests/support.h"

using namespace ockham::nas;
using ockham::test::Says;

namespace {

const std::string kTwoNodes =
    "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('max_pool_3x3', 2), ('dil_conv_5x5', 0)], "
    "normal_concat=range(2, 4), reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('dil_conv_3x3', 2), "
    "('skip_connect', 1)], reduce_concat=[3])";

Genotype two_nodes() {
  return parse_darts(kTwoNodes);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(genotype)

BOOST_AUTO_TEST_CASE(darts_text_becomes_edges_with_ids_and_strides) {
  const Genotype g = two_nodes();
  BOOST_TEST(g.space == "darts");
  BOOST_TEST(g.normal.nodes == 2);
  BOOST_REQUIRE_EQUAL(g.normal.edges.size(), 4u);
  BOOST_CHECK((g.normal.edges[0] == GenotypeEdge{1, 0, 1, {Primitive::kSepConv3}}));
  BOOST_CHECK((g.normal.edges[2] == GenotypeEdge{2, 1, 1, {Primitive::kMaxPool3}}));
  BOOST_CHECK((g.reduce.edges[1] == GenotypeEdge{1, 0, 2, {Primitive::kSepConv5}}));
  BOOST_CHECK((g.reduce.edges[2] == GenotypeEdge{2, 1, 1, {Primitive::kDilConv3}}));
  BOOST_TEST(g.normal.concat == (std::vector<int>{0, 1}), boost::test_tools::per_element());
  BOOST_TEST(g.reduce.concat == (std::vector<int>{1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(canonical_darts_text_comes_back_unchanged) {
  std::string canonical = kTwoNodes;
  canonical.replace(canonical.find("[3]"), 3, "range(3, 4)");
  BOOST_TEST(to_darts(two_nodes()) == canonical);
}

BOOST_AUTO_TEST_CASE(gaps_in_the_concat_are_written_as_a_list) {
  Genotype g = load_genotype("DARTS_V2");
  g.normal.concat = {0, 1, 3};
  BOOST_TEST(to_darts(g).find("normal_concat=[2, 3, 5]") != std::string::npos);
  BOOST_CHECK(parse_darts(to_darts(g)) == g);
}

BOOST_AUTO_TEST_CASE(white_space_quotes_trailing_commas_and_a_name_make_no_difference) {
  std::string text = "\n FOUND =\tGenotype( normal = [ (\"sep_conv_3x3\" , 1 ,) ,\n";
  text += kTwoNodes.substr(kTwoNodes.find("('skip_connect', 0)"));
  text.insert(text.size() - 1, ",\n");
  BOOST_CHECK(parse_darts(text) == two_nodes());
}

BOOST_AUTO_TEST_CASE(nested_lists_and_weights_are_read) {
  const std::string nested =
      "Genotype(normal=[[('sep_conv_3x3', 1), ('skip_connect', 0)], [('max_pool_3x3', 2), ('dil_conv_5x5', 0)]], "
      "normal_concat=[2, 3], reduce=((('avg_pool_3x3', 0, 0.25), ('sep_conv_5x5', 1, 1.5e-3)), "
      "(('dil_conv_3x3', 2), ('skip_connect', 1))), reduce_concat=(3,), connectN=None)";
  BOOST_CHECK(parse_darts(nested) == two_nodes());
}

BOOST_AUTO_TEST_CASE(nested_lists_may_have_other_than_two_pairs) {
  const Genotype g = parse_darts(
      "Genotype(normal=[[('sep_conv_3x3', 1)], [('max_pool_3x3', 2), ('skip_connect', 0), ('avg_pool_3x3', 1)]], "
      "normal_concat=[3], reduce=[[('avg_pool_3x3', 0)], [('sep_conv_5x5', 1)]], reduce_concat=[2, 3])");
  BOOST_TEST(count_ops(g.normal) == 4);
  BOOST_TEST(!is_darts_like(g));
  BOOST_CHECK(parse_genotype_json(to_json(g)) == g);
}

BOOST_AUTO_TEST_CASE(json_round_trip_of_every_published_genotype) {
  for (const Published& known : published_genotypes()) {
    const Genotype g = load_genotype(std::string(known.name));
    BOOST_CHECK(parse_genotype_json(to_json(g)) == g);
    if (is_darts_like(g))
      BOOST_CHECK(parse_darts(to_darts(g)) == g);
  }
}

BOOST_AUTO_TEST_CASE(json_keeps_a_concat_that_differs_between_the_cells) {
  const Genotype g = two_nodes();
  BOOST_TEST(to_json(g).find("\"reduce_concat\": [1]") != std::string::npos);
  BOOST_CHECK(parse_genotype_json(to_json(g)) == g);
  BOOST_TEST(to_json(load_genotype("DARTS_V1")).find("reduce_concat") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(several_operations_an_edge_and_missing_edges_are_legal) {
  const Genotype g = parse_genotype_json(R"({"format": 1, "space": "bayesnas", "nodes": 3, "concat": [1, 2],
    "normal": [{"from": "node1", "to": 2, "ops": ["skip_connect", "max_pool_3x3"]},
               {"from": "in0", "to": 1, "stride": 1, "ops": ["sep_conv_3x3", "dil_conv_5x5", "identity"]}],
    "reduce": [{"from": "in1", "to": 1, "ops": ["identity"]}, {"from": "in0", "to": 2, "ops": ["identity"]}]})");
  BOOST_TEST(count_ops(g.normal) == 5);
  BOOST_TEST(g.normal.edges[0].to == 1);  // sorted by node
  BOOST_TEST(g.reduce.edges[0].stride == 2);
  BOOST_CHECK(parse_genotype_json(to_json(g)) == g);
}

BOOST_AUTO_TEST_CASE(published_bayesnas_cells_have_the_known_operation_counts) {
  const auto counts = [](const char* name) {
    const Genotype g = load_genotype(name);
    return std::pair(count_ops(g.normal), count_ops(g.reduce));
  };
  BOOST_CHECK(counts("bayesnas_0.01") == std::pair(10, 10));
  BOOST_CHECK(counts("bayesnas_0.007") == std::pair(10, 13));
  BOOST_CHECK(counts("bayesnas_0.005") == std::pair(10, 13));
}

BOOST_AUTO_TEST_CASE(bayesnas_cells_have_no_darts_text) {
  BOOST_CHECK_EXCEPTION(to_darts(load_genotype("bayesnas_0.01")), ockham::UsageError,
                        (Says{{"node 0 of the normal cell", "5 operations on 2 edges", "Keep the JSON form"}}));
}

BOOST_AUTO_TEST_CASE(darts_text_is_read_as_logs_and_editors_have_it) {
  const ockham::test::TemporaryFolder folder;
  const std::string path = (folder.path() / "pasted").string();
  const auto reads = [&](const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
    return load_genotype(path) == two_nodes() && load_genotype(text) == two_nodes();
  };
  const std::string text = kTwoNodes;
  BOOST_CHECK(reads("2018-06-27 13:25:46,379 genotype = " + text));
  BOOST_CHECK(reads("[03/12 10:11:12 AM] <<<--->>> genotype: " + text + "\n"));
  BOOST_CHECK(reads("# found by run 3 (the best)\n\n  # Genotype(...)\nFOUND = " + text + "  # 97.2 %\n# the end"));
  BOOST_CHECK(reads("\xef\xbb\xbf" + text + "\r\n"));
  std::string lines = text;
  for (std::size_t at = lines.find("), "); at != std::string::npos; at = lines.find("), ", at + 1))
    lines.replace(at, 3, "),  # a pair\r\n");
  BOOST_CHECK(reads("FOUND =\r\n" + lines));
  std::ofstream(path, std::ios::binary) << "\xef\xbb\xbf" << to_json(two_nodes());
  BOOST_CHECK(load_genotype(path) == two_nodes());
}

BOOST_AUTO_TEST_CASE(text_around_darts_text_that_may_matter_is_refused) {
  const std::string text = kTwoNodes;
  const auto refuses = [](const std::string& other, const Says& says) {
    BOOST_CHECK_EXCEPTION(load_genotype(other), ockham::UsageError, says);
  };
  refuses(text + "\n" + text, {{"line 2, column 1", "nothing may follow"}});
  refuses("epoch 1 (of 50)\n" + text, {{"line 1, column 1", "expected Genotype(...), found 'epoch'"}});
  refuses("# " + text, {{"the end of the text"}});
  refuses("My" + text, {{"expected Genotype(...), found 'MyGenotype'"}});
}

BOOST_AUTO_TEST_CASE(loads_by_name_text_or_file) {
  const ockham::test::TemporaryFolder folder;
  const std::string json = (folder.path() / "a.json").string(), text = (folder.path() / "a.txt").string();
  std::ofstream(json) << to_json(two_nodes());
  std::ofstream(text) << kTwoNodes << "\n";
  const std::string odd = (folder.path() / "a (copy).json").string();
  std::ofstream(odd) << to_json(two_nodes());
  BOOST_CHECK(load_genotype(odd) == two_nodes());
  BOOST_CHECK(load_genotype(json) == two_nodes());
  BOOST_CHECK(load_genotype(text) == two_nodes());
  BOOST_CHECK(load_genotype(kTwoNodes) == two_nodes());
  BOOST_CHECK(load_genotype(to_json(two_nodes())) == two_nodes());
  BOOST_TEST(load_genotype("DARTS_V1").normal.edges[0].from == 1);
}

BOOST_AUTO_TEST_CASE(what_is_no_genotype_is_refused_with_the_known_names) {
  const ockham::test::TemporaryFolder folder;
  BOOST_CHECK_EXCEPTION(load_genotype("DARTS_V3"), ockham::UsageError,
                        (Says{{"'DARTS_V3'", "neither a file", "DARTS_V2", "bayesnas_0.007"}}));
  BOOST_CHECK_EXCEPTION(load_genotype(folder.path().string()), ockham::UsageError,
                        (Says{{"is a folder", "genotype.json"}}));
  const std::string broken = (folder.path() / "broken.txt").string();
  std::ofstream(broken) << "Genotype(normal=)";
  BOOST_CHECK_EXCEPTION(load_genotype(broken), ockham::UsageError, (Says{{"broken.txt", "column 17"}}));
}

BOOST_AUTO_TEST_SUITE_END()
