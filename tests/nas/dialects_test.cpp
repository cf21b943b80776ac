// The texts in which tools exchange cells: each is read, and what is written leads back to the same cell.
#include "nas/genotype/dialects.h"

#include "engine/error.h"
#include "nas/genotype/published.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

using test::Says;

constexpr const char* kPtDarts =
    "Genotype(normal=[[('sep_conv_3x3', 1), ('skip_connect', 0)], [('max_pool_3x3', 2), ('dil_conv_5x5', 0)]], "
    "normal_concat=[2, 3], reduce=[[('avg_pool_3x3', 0), ('sep_conv_5x5', 1)], [('dil_conv_3x3', 2), "
    "('skip_connect', 1)]], reduce_concat=[2, 3])";
constexpr const char* kXAutoDl =
    "Genotype(normal=[(('sep_conv_3x3', 1), ('skip_connect', 0)), (('max_pool_3x3', 2), ('dil_conv_5x5', 0))], "
    "normal_concat=[2, 3], reduce=[(('avg_pool_3x3', 0), ('sep_conv_5x5', 1)), (('dil_conv_3x3', 2), "
    "('skip_connect', 1))], reduce_concat=[2, 3], connectN=None, connects=None)";
constexpr const char* kXAutoDlDictionary =
    "{'normal': [(('sep_conv_3x3', 1, 0.148), ('skip_connect', 0, 0.147)), (('max_pool_3x3', 2, 1e-2), "
    "('dil_conv_5x5', 0, 0.3))], 'normal_concat': [2, 3], 'reduce': [(('avg_pool_3x3', 0, 0.2), "
    "('sep_conv_5x5', 1, 0.2)), (('dil_conv_3x3', 2, 0.2), ('skip_connect', 1, 0.1))], 'reduce_concat': [2, 3]}";
constexpr const char* kAwNas =
    "CNNGenotype(normal_0=[('sep_conv_3x3', 1, 2), ('skip_connect', 0, 2), ('max_pool_3x3', 2, 3), "
    "('dil_conv_5x5', 0, 3)], reduce_1=[('avg_pool_3x3', 0, 2), ('sep_conv_5x5', 1, 2), ('dil_conv_3x3', 2, 3), "
    "('skip_connect', 1, 3)], normal_0_concat=[2, 3], reduce_1_concat=[2, 3])";
constexpr const char* kNni = R"({
 "normal/op_2_0": "sep_conv_3x3",
 "normal/input_2_0": [
  1
 ],
 "normal/op_2_1": "skip_connect",
 "normal/input_2_1": [
  0
 ],
 "normal/op_3_0": "max_pool_3x3",
 "normal/input_3_0": [
  2
 ],
 "normal/op_3_1": "dil_conv_5x5",
 "normal/input_3_1": [
  0
 ],
 "reduce/op_2_0": "avg_pool_3x3",
 "reduce/input_2_0": [
  0
 ],
 "reduce/op_2_1": "sep_conv_5x5",
 "reduce/input_2_1": [
  1
 ],
 "reduce/op_3_0": "dil_conv_3x3",
 "reduce/input_3_0": [
  2
 ],
 "reduce/op_3_1": "skip_connect",
 "reduce/input_3_1": [
  1
 ]
}
)";
constexpr const char* kNniExample = R"({"normal_n2_p0": "skipconnect", "normal_n2_p1": "sepconv3x3",
  "normal_n2_switch": [1, 0], "normal_n3_p0": "dilconv5x5", "normal_n3_p1": "avgpool", "normal_n3_p2": "maxpool",
  "normal_n3_switch": ["normal_n3_p2", "normal_n3_p0"], "reduce_n2_p0": "avgpool", "reduce_n2_p1": "sepconv5x5",
  "reduce_n2_switch": [0, 1], "reduce_n3_p0": "maxpool", "reduce_n3_p1": "skipconnect",
  "reduce_n3_p2": "dilconv3x3", "reduce_n3_switch": [2, 1]})";

/// What all of them say.
Genotype cell() {
  return parse_darts(
      "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('max_pool_3x3', 2), ('dil_conv_5x5', 0)], "
      "normal_concat=range(2, 4), reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('dil_conv_3x3', 2), "
      "('skip_connect', 1)], reduce_concat=range(2, 4))");
}

std::string changed(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dialects)

BOOST_AUTO_TEST_CASE(every_dialect_is_read) {
  for (const char* text : {kPtDarts, kXAutoDl, kXAutoDlDictionary, kAwNas, kNni, kNniExample})
    BOOST_TEST((parse_genotype(text) == cell()), text);
}

BOOST_AUTO_TEST_CASE(every_dialect_is_written_as_its_tool_does) {
  BOOST_TEST(to_text(cell(), Dialect::kPtDarts) == kPtDarts);
  BOOST_TEST(to_text(cell(), Dialect::kXAutoDl) == kXAutoDl);
  BOOST_TEST(to_text(cell(), Dialect::kAwNas) == kAwNas);
  BOOST_TEST(to_text(cell(), Dialect::kNni) == kNni);
}

BOOST_AUTO_TEST_CASE(what_a_dialect_can_say_comes_back_from_it_and_the_rest_is_refused) {
  int said = 0, refused = 0;
  for (const Published& published : published_genotypes()) {
    const Genotype genotype = load_genotype(std::string(published.name));
    for (const Named<Dialect>& dialect : kDialects) {
      std::string text;
      try {
        text = to_text(genotype, dialect.value);
        ++said;
      } catch (const UsageError&) {
        ++refused;
        continue;
      }
      BOOST_TEST((parse_genotype(text) == genotype), published.name << " as " << dialect.name);
    }
  }
  // Ours says all; the three BayesNAS cells have several operations an edge, and the outputs of NASNet and AmoebaNet
  // leave nodes out.
  BOOST_TEST(refused == 3 * 5 + 2);
  BOOST_TEST(said + refused == static_cast<int>(published_genotypes().size() * kDialects.size()));
}

BOOST_AUTO_TEST_CASE(a_node_with_one_edge_is_a_tuple_of_one_in_python) {
  const Genotype one = parse_genotype(
      "Genotype(normal=[[('sep_conv_3x3', 1)]], normal_concat=[2], reduce=[[('avg_pool_3x3', 0)]], "
      "reduce_concat=[2])");
  const std::string text = to_text(one, Dialect::kXAutoDl);
  BOOST_TEST(text.find("normal=[(('sep_conv_3x3', 1),)]") != std::string::npos, text);
  BOOST_TEST((parse_genotype(text) == one));
}

// Texts as the tools' own sources and guides hold them.

BOOST_AUTO_TEST_CASE(the_cells_in_the_sources_of_autodl_projects_are_read) {  // lib/nas_infer_model/DXYs/genotypes.py
  const char* darts_v1 = R"(DARTS_V1 = Genotype(
  normal=[
    (('sep_conv_3x3', 1), ('sep_conv_3x3', 0)), # step 1
    (('skip_connect', 0), ('sep_conv_3x3', 1)), # step 2
    (('skip_connect', 0), ('sep_conv_3x3', 1)), # step 3
    (('sep_conv_3x3', 0), ('skip_connect', 2))  # step 4
  ],
  normal_concat=[2, 3, 4, 5],
  reduce=[
    (('max_pool_3x3', 0), ('max_pool_3x3', 1)), # step 1
    (('skip_connect', 2), ('max_pool_3x3', 0)), # step 2
    (('max_pool_3x3', 0), ('skip_connect', 2)), # step 3
    (('skip_connect', 2), ('avg_pool_3x3', 0))  # step 4
  ],
  reduce_concat=[2, 3, 4, 5],
  connectN=None, connects=None,
)
)";
  BOOST_TEST((parse_genotype(darts_v1) == load_genotype("DARTS_V1")));
  // Its own method's cell, behind a comment.
  const char* gdas_v1 = R"(# Searching for A Robust Neural Architecture in Four GPU Hours, CVPR 2019
GDAS_V1 = Genotype(
  normal=[
    (('skip_connect', 0), ('skip_connect', 1)),
    (('skip_connect', 0), ('sep_conv_5x5', 2)),
    (('sep_conv_3x3', 3), ('skip_connect', 0)),
    (('sep_conv_5x5', 4), ('sep_conv_3x3', 3))],
  normal_concat=[2, 3, 4, 5],
  reduce=[
    (('sep_conv_5x5', 0), ('sep_conv_3x3', 1)), )"
                        "\n"
                        R"(    (('sep_conv_5x5', 2), ('sep_conv_5x5', 1)),
    (('dil_conv_5x5', 2), ('sep_conv_3x3', 1)),
    (('sep_conv_5x5', 0), ('sep_conv_5x5', 1))],
  reduce_concat=[2, 3, 4, 5],
  connectN=None, connects=None
))";
  const Genotype gdas = parse_genotype(gdas_v1);
  BOOST_TEST(gdas.normal.edges.size() == 8u);
  BOOST_TEST((gdas.reduce.edges[4].ops.front() == Primitive::kDilConv5));
  // SETN has an operation that DARTS and this project lack.
  BOOST_CHECK_EXCEPTION(parse_genotype("SETN = Genotype(normal=[(('max_pool_3x3', 1), ('conv_3x1_1x3', 4))]"),
                        UsageError, (Says{{"conv_3x1_1x3", "known:"}}));
}

BOOST_AUTO_TEST_CASE(the_cells_in_the_guides_of_aw_nas_are_read) {
  // README.md: two operations of one edge are two edges.
  const Genotype example = parse_genotype(
      "CNNGenotype(normal_0=[('dil_conv_3x3', 1, 2), ('skip_connect', 1, 2), ('sep_conv_3x3', 0, 3), ('sep_conv_3x3', "
      "2, 3), ('skip_connect', 3, 4), ('sep_conv_3x3', 0, 4), ('sep_conv_5x5', 1, 5), ('sep_conv_5x5', 0, 5)], "
      "reduce_1=[('max_pool_3x3', 0, 2), ('dil_conv_5x5', 0, 2), ('avg_pool_3x3', 1, 3), ('avg_pool_3x3', 2, 3), "
      "('sep_conv_5x5', 1, 4), ('avg_pool_3x3', 1, 4), ('sep_conv_3x3', 1, 5), ('dil_conv_5x5', 3, 5)], "
      "normal_0_concat=[2, 3, 4, 5], reduce_1_concat=[2, 3, 4, 5])");
  BOOST_TEST(example.normal.edges.size() == 8u);
  BOOST_TEST((parse_genotype(to_text(example, Dialect::kAwNas)) == example));
  // A configuration: broken over lines, with an edge of 'none'.
  const Genotype configured = parse_genotype(
      "      CNNGenotype(normal_0=[('skip_connect', 0, 2), ('sep_conv_3x3', 1, 2), ('max_pool_3x3',\n"
      "      2, 3), ('max_pool_3x3', 0, 3), ('none', 0, 4), ('sep_conv_5x5', 1, 4), ('skip_connect',\n"
      "      2, 5), ('sep_conv_3x3', 3, 5)], reduce_1=[('max_pool_3x3', 0, 2), ('sep_conv_5x5',\n"
      "      1, 2), ('max_pool_3x3', 0, 3), ('dil_conv_3x3', 1, 3), ('max_pool_3x3', 0, 4), ('max_pool_3x3',\n"
      "      2, 4), ('skip_connect', 3, 5), ('max_pool_3x3', 0, 5)], normal_0_concat=[2, 3, 4,\n"
      "      5], reduce_1_concat=[2, 3, 4, 5])\n");
  BOOST_TEST(configured.normal.edges.size() == 7u);
  BOOST_TEST((parse_genotype(to_text(configured, Dialect::kAwNas)) == configured));
  // What concatenates all nodes need not say so.
  BOOST_TEST((parse_genotype(
                  changed(changed(kAwNas, ", normal_0_concat=[2, 3]", ""), ", reduce_1_concat=[2, 3]", "")) == cell()));
}

BOOST_AUTO_TEST_CASE(the_cells_in_the_sources_of_nni_are_read) {  // nni/nas/hub/pytorch/nasnet.py, version 3
  const char* darts_v2 = R"({
                'normal/op_2_0': 'sep_conv_3x3',
                'normal/op_2_1': 'sep_conv_3x3',
                'normal/input_2_0': [0],
                'normal/input_2_1': [1],
                'normal/op_3_0': 'sep_conv_3x3',
                'normal/op_3_1': 'sep_conv_3x3',
                'normal/input_3_0': [0],
                'normal/input_3_1': [1],
                'normal/op_4_0': 'sep_conv_3x3',
                'normal/op_4_1': 'skip_connect',
                'normal/input_4_0': [1],
                'normal/input_4_1': [0],
                'normal/op_5_0': 'skip_connect',
                'normal/op_5_1': 'dil_conv_3x3',
                'normal/input_5_0': [0],
                'normal/input_5_1': [2],
                'reduce/op_2_0': 'max_pool_3x3',
                'reduce/op_2_1': 'max_pool_3x3',
                'reduce/input_2_0': [0],
                'reduce/input_2_1': [1],
                'reduce/op_3_0': 'skip_connect',
                'reduce/op_3_1': 'max_pool_3x3',
                'reduce/input_3_0': [2],
                'reduce/input_3_1': [1],
                'reduce/op_4_0': 'max_pool_3x3',
                'reduce/op_4_1': 'skip_connect',
                'reduce/input_4_0': [0],
                'reduce/input_4_1': [2],
                'reduce/op_5_0': 'skip_connect',
                'reduce/op_5_1': 'max_pool_3x3',
                'reduce/input_5_0': [2],
                'reduce/input_5_1': [1]
            })";
  BOOST_TEST((parse_genotype(darts_v2) == load_genotype("DARTS_V2")));
  BOOST_TEST((parse_genotype(to_text(load_genotype("DARTS_V2"), Dialect::kNni)) == load_genotype("DARTS_V2")));
}

BOOST_AUTO_TEST_CASE(what_the_example_of_nni_exports_is_read) {
  // Inputs that are not taken have no operation, and early versions number the operations.
  const std::string empty = changed(kNniExample, "\"avgpool\", \"normal_n3_p2\"", "[], \"normal_n3_p2\"");
  BOOST_TEST((parse_genotype(empty) == cell()));
  const std::string none = changed(kNniExample, "\"avgpool\", \"normal_n3_p2\"", "\"none\", \"normal_n3_p2\"");
  BOOST_TEST((parse_genotype(none) == cell()));
  BOOST_TEST((parse_genotype(changed(kNniExample, "\"sepconv3x3\"", "3")) == cell()));
  BOOST_TEST((parse_genotype(changed(kNniExample, "\"maxpool\"", "0")) == cell()));
}

BOOST_AUTO_TEST_CASE(mistakes_of_aw_nas_text_are_told_with_their_column) {
  const auto refused = [](const std::string& from, const std::string& to,
                          std::initializer_list<std::string_view> parts) {
    BOOST_CHECK_EXCEPTION(parse_genotype(changed(kAwNas, from, to)), UsageError, (Says{parts}));
  };
  refused("sep_conv_3x3", "sep_conv_9x9", {"column 24", "sep_conv_9x9", "known:"});
  refused("1, 2)", "1, 1)", {"column 43", "ends in id 1"});
  refused("1, 2)", "1, 18)", {"ends in id 18", "2 to 17"});
  refused("1, 2)", "3, 2)", {"id 2 cannot read id 3"});
  refused("1, 2)", "1, 2, 0.5)", {"an operation and two ids"});
  refused("reduce_1=", "normal_1=", {"'normal' is given twice"});
  refused("reduce_1=", "other_1=", {"unknown field 'other'"});
  refused("reduce_1=", "other=", {"unknown field 'other'"});
  refused("normal_0=[", "normal_0=", {"expected the bracket"});
  refused("[2, 3])", "[2, 3]) x", {"nothing may follow"});
}

BOOST_AUTO_TEST_CASE(mistakes_of_nni_json_are_told_with_their_key) {
  const auto refused = [](const char* text, const std::string& from, const std::string& to,
                          std::initializer_list<std::string_view> parts) {
    BOOST_CHECK_EXCEPTION(parse_genotype(changed(text, from, to)), UsageError, (Says{parts}));
  };
  refused(kNni, "\"sep_conv_3x3\"", "\"sep_conv_9x9\"", {"normal/op_2_0", "sep_conv_9x9"});
  refused(kNni, "\"sep_conv_3x3\"", "7", {"normal/op_2_0", "no operation"});
  refused(kNni, "\"sep_conv_3x3\"", "[3]", {"normal/op_2_0", "no operation"});
  refused(kNni, "input_2_0\": [\n  1\n ]", "input_2_0\": [2]", {"normal/input_2_0", "0 to 1"});
  refused(kNni, "input_2_0\": [\n  1\n ]", "input_2_0\": 2", {"normal/input_2_0", "0 to 1"});
  refused(kNni, "input_2_0\": [\n  1\n ]", "input_2_0\": [0, 1]", {"normal/input_2_0"});
  refused(kNni, "input_2_0\": [\n  1\n ]", "input_2_0\": -1", {"normal/input_2_0"});
  refused(kNni, "input_2_0\": [\n  1\n ]", "input_2_0\": 18446744073709551615", {"normal/input_2_0"});
  refused(kNni, " \"normal/input_2_0\": [\n  1\n ],\n", "", {"lacks 'normal/input_2_0'"});
  refused(kNni, "\"normal/op_3_0\"", "\"normal/op_9_0\"", {"normal/op_9_0", "unknown"});
  refused(kNni, "}", "", {"line 35"});
  refused(kNniExample, "[1, 0]", "[1]", {"normal_n2_switch", "2 inputs"});
  refused(kNniExample, "[1, 0]", "[1, 2]", {"normal_n2_switch", "0 to 1"});
  refused(kNniExample, "\"normal_n3_p2\",", "\"normal_n3_px\",", {"normal_n3_px", "no input"});
  refused(kNniExample, "\"normal_n3_p2\",", "\"normal_n2_p1\",", {"normal_n3_switch"});
}

BOOST_AUTO_TEST_CASE(hostile_texts_are_refused_quickly) {
  BOOST_CHECK_THROW(parse_genotype("CNNGenotype("), UsageError);
  BOOST_CHECK_THROW(parse_genotype("CNNGenotype(normal_0=" + std::string(100000, '[')), UsageError);
  BOOST_CHECK_THROW(parse_genotype("CNNGenotype(" + std::string(std::size_t{2} << 20, ' ')), UsageError);
  BOOST_CHECK_THROW(parse_genotype("{'normal': " + std::string(100000, '(')), UsageError);
  BOOST_CHECK_THROW(parse_genotype("{\"normal/op_2_0\"" + std::string(100000, '[')), UsageError);
  std::string many = "CNNGenotype(normal_0=[";
  for (int i = 0; i < 5000; ++i)
    many += "('skip_connect', 0, 2), ";
  BOOST_CHECK_EXCEPTION(
      parse_genotype(many + "], reduce_1=[('skip_connect', 0, 2)], normal_0_concat=[2], reduce_1_concat=[2])"),
      UsageError, (Says{{"5000 edges", "1024"}}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham::nas
