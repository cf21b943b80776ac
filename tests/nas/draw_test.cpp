#include "nas/draw/draw.h"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <sstream>

#include "nas/cell/layout.h"
#include "nas/genotype/published.h"
#include "nas/genotype/random_cell.h"
#include "tests/support.h"

using namespace ockham::nas;

namespace {

boost::property_tree::ptree parse_xml(const std::string& text) {
  std::istringstream in(text);
  boost::property_tree::ptree tree;
  boost::property_tree::read_xml(in, tree);
  return tree;
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

/// Variances 1, but 0 of an edge that was dropped.
CellVariances variances_without(const CellSpec& spec, std::size_t dropped) {
  CellVariances known{.spec = spec, .primitives = {kBayesnasPrimitives.begin(), kBayesnasPrimitives.end()}};
  for (std::size_t e = 0; e < spec.edges.size(); ++e) {
    const double variance = e == dropped ? 0.0 : 1.0;
    known.edges.push_back({.origin = variance, .ops = std::vector(known.primitives.size(), variance)});
  }
  return known;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(draw)

BOOST_AUTO_TEST_CASE(svg_of_every_published_cell_is_well_formed_and_names_its_operations) {
  for (const Published& known : published_genotypes()) {
    const Genotype g = load_genotype(std::string(known.name));
    for (const CellGenotype* cell : {&g.normal, &g.reduce}) {
      const std::string svg = to_svg(*cell);
      BOOST_TEST(parse_xml(svg).count("svg") == 1u);
      int labels = 0;
      for (Primitive p : kPrimitives)
        labels += count(svg, ">" + std::string(primitive_name(p)) + "<");
      BOOST_TEST(labels == count_ops(*cell));
    }
  }
}

BOOST_AUTO_TEST_CASE(title_cannot_break_the_svg) {
  const CellGenotype cell = load_genotype("DARTS_V1").normal;
  const std::string svg = to_svg(cell, {.title = "a<b> & \"c\" \x01</svg>"});
  BOOST_TEST(parse_xml(svg).count("svg") == 1u);
  BOOST_TEST(svg.find("a&lt;b&gt; &amp; &quot;c&quot; &lt;/svg&gt;") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(pruned_edges_are_dashed_and_variances_named) {
  const CellSpec spec = bayesnas_cell(CellKind::kReduction);
  CellVariances known = variances_without(spec, 2);
  known.edges[0].ops[0] = 0.731;
  const CellGenotype cell = derive_cell(known);
  const std::string svg = to_svg(cell, {.title = "reduce", .variances = &known});
  BOOST_TEST(parse_xml(svg).count("svg") == 1u);
  BOOST_TEST(count(svg, "stroke-dasharray") == 1);
  BOOST_TEST(count(svg, ">0.73<") == 1);
  BOOST_TEST(count(to_svg(cell), "stroke-dasharray") == 0);
}

BOOST_AUTO_TEST_CASE(larger_variance_draws_a_thicker_line) {
  const CellSpec spec = bayesnas_cell(CellKind::kNormal, 1);
  CellVariances known = variances_without(spec, 1);
  const auto width = [&](double variance) {
    known.edges[0].ops.assign(known.primitives.size(), variance);
    const std::string dot = to_dot(derive_cell(known), {.variances = &known});
    return std::stod(dot.substr(dot.find("penwidth=", dot.find("label=")) + 9));
  };
  BOOST_TEST(width(0.06) < width(0.6));
  BOOST_TEST(width(0.6) < width(6.0));
}

BOOST_AUTO_TEST_CASE(dot_has_an_arrow_per_operation_and_quotes_names) {
  const CellGenotype cell = load_genotype("bayesnas_0.01").normal;
  const std::string dot = to_dot(cell, {.title = "my \"cell\""});
  BOOST_TEST(dot.starts_with("digraph \"my \\\"cell\\\"\" {"));
  BOOST_TEST(dot.find("rankdir=LR") != std::string::npos);
  BOOST_TEST(count(dot, "->") == count_ops(cell) + 4);
  BOOST_TEST(dot.find("\"c_{k-2}\" -> \"0\" [label=\"sep_conv_5x5\"];") != std::string::npos);
  BOOST_TEST(dot.find("\"3\" -> \"c_{k}\";") != std::string::npos);
  for (const char* colour : {"darkseagreen2", "lightblue", "palegoldenrod"})
    BOOST_TEST(dot.find(colour) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(dead_nodes_are_drawn_apart) {
  const CellSpec spec = bayesnas_cell(CellKind::kNormal);
  const CellGenotype cell = ockham::nas::random_cell(spec, kBayesnasPrimitives, 2, 1);
  BOOST_TEST(count(to_svg(cell), "stroke-dasharray") == 2);
}

BOOST_AUTO_TEST_SUITE_END()
