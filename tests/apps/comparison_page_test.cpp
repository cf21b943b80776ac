// The report of a comparison, from facts alone, and the languages it is written in.
#include <cmath>
#include <sstream>

#include "apps/cli/text/spread.h"
#include "apps/report/line_chart.h"
#include "apps/search/comparison/comparison_report.h"
#include "tests/apps/html.h"
#include "tests/support.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

const std::string kHostile = "<script>alert('1')</script> & \"|`x`\n](y)";

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Json run(const std::string& method, int seed, double c10, bool is_collapsed) {
  return {{"method", method},
          {"seed", seed},
          {"folder", method + "-seed" + std::to_string(seed)},
          {"cell", "333132"},
          {"operations", 6},
          {"skips", seed},
          {"nones", 0},
          {"params", 1000000 * seed},
          {"macs", 5},
          {"seconds", 10.0 * seed},
          {"resumed", seed == 2},
          {"peak_bytes", 1024 * 1024 * seed},
          {"supernet_valid_accuracy", 12.0 + seed},
          {"truth", {{"c10_test_200", c10}, {"c100_test_200", c10 - 20}, {"im120_test_200", c10 - 50}}},
          {"collapsed", is_collapsed},
          {"steps", 40},
          {"step_seconds", 0.25},
          {"curve",
           {{{"seconds", 1.0 * seed}, {"accuracy", c10 - 4}},
            {{"seconds", 2.0 * seed}, {"accuracy", c10 - 3}},
            {{"seconds", 3.0 * seed}, {"accuracy", c10 - 2}},
            {{"seconds", 4.0 * seed}, {"accuracy", c10 - 1}},
            {{"seconds", 10.0 * seed}, {"accuracy", c10}, {"is_end", true}}}},
          {"rank_correlation", nullptr},
          {"candidates", nullptr}};
}

Json comparison() {
  Json facts{
      {"name", kHostile},
      {"space", "nasbench201"},
      {"dataset", "cifar10"},
      {"seeds", {1, 2}},
      {"epochs", 4},
      {"method_settings", "darts.arch-lr=" + kHostile},
      {"batch_size", 64},
      {"has_table", true},
      {"random_mean", {{"c10_test_200", 88.0}, {"c100_test_200", 60.0}, {"im120_test_200", 30.0}}},
      {"methods",
       {{{"name", "darts"}, {"batches", 2}, {"sees", "two"}}, {{"name", "random"}, {"batches", 1}, {"sees", "one"}}}},
      {"runs",
       {run("darts", 1, 92.0, false), run("random", 1, 60.0, true), run("darts", 2, 93.0, false),
        run("random", 2, 90.0, false)}},
      {"command", "ockham-search --config '" + kHostile + "'"},
      {"settings", "seed = 0\n```\n</pre>\n"}};
  facts["runs"][3]["cell"] = "<i>|";
  facts["runs"][0]["rank_correlation"] = {{"cells", 50}, {"spearman", 0.5}, {"kendall", 0.25}};
  facts["runs"][1]["candidates"] = {{"drawn", 8},     {"distinct", 5}, {"chosen", 60.0},
                                    {"mean", 55.125}, {"best", 61.75}, {"spearman", std::nan("")}};
  return facts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(comparison_page)

BOOST_AUTO_TEST_CASE(tables_hold_mean_and_spread_over_seeds) {
  const TextTable table = methods_table(comparison());
  BOOST_REQUIRE(table.rows.size() == 2u);
  const std::vector<std::string> darts{"darts",     "92.50 ± 0.71", "72.50 ± 0.71", "42.50 ± 0.71", "1.5 ± 0.7",
                                       "1,500,000", "15.0 ± 7.1*",  "2.00 MiB",     "0 of 2"};
  BOOST_TEST(table.rows[0] == darts, boost::test_tools::per_element());
  BOOST_TEST(table.rows[1][1] == "75.00 ± 21.21");
  BOOST_TEST(table.rows[1].back() == "1 of 2");
}

// 92 and 93 are 4.5 better than 88, with a standard error of half their difference.
BOOST_AUTO_TEST_CASE(margins_over_the_mean_random_cell_have_their_standard_error) {
  Json facts = comparison();
  const std::vector<std::string> darts{"darts", "+4.50 ± 0.50", "+12.50 ± 0.50", "+12.50 ± 0.50"};
  BOOST_TEST(margins_table(facts).rows[0] == darts, boost::test_tools::per_element());
  BOOST_TEST(margins_table(facts).rows[1][1] == "-13.00 ± 15.00");
  facts["runs"].erase(2);  // one seed has no scatter
  BOOST_TEST(margins_table(facts).rows[0][1] == "+4.00");
  facts["has_table"] = false;
  BOOST_TEST(margins_table(facts).rows.empty());
}

BOOST_AUTO_TEST_CASE(a_margin_adds_the_squared_errors_of_both_sides) {
  const std::vector<double> three{1, 2, 3}, two{0, 2};
  const Margin margin = margin_over(three, two);
  BOOST_TEST(margin.mean == 1.0);
  BOOST_TEST(std::abs(margin.error - std::sqrt(1.0 / 3.0 + 2.0 / 2.0)) <= 1e-15);
  BOOST_TEST(std::isnan(margin_over(three, std::vector<double>{1}).error));
}

BOOST_AUTO_TEST_CASE(markdown_tells_every_run_budget_curve_rank_and_candidates) {
  const std::string text = to_markdown(comparison_report(comparison()));
  for (const char* row :
       {"| darts | 1 | 333132 | 92.00 | 72.00 | 42.00 | 1 | 1,000,000 | 10.0 | 1.00 MiB | no |",
        "| darts | 2 | 333132 | 93.00 | 73.00 | 43.00 | 2 | 2,000,000 | 20.0\\* | 2.00 MiB | no |",
        "| random | 1 | 333132 | 60.00 |", "| random | 2 | &lt;i\\>\\| | 90.00 |", "| darts | +4.50 ± 0.50 |",
        "| darts | two | 40 | 128 | 5,120 | 0.2500 ± 0.0000 |", "| random | one | 40 | 64 | 2,560 |",
        "| darts | 88.50 (1.50 s) | 89.50 (3.00 s) | 90.50 (4.50 s) | 91.50 (6.00 s) | 92.50 (15.0 s) |",
        "| darts | 50 | 0.500 | 0.250 |", "| random | 1 | 8 | 5 | 60.00 | 55.12 | 61.75 | – |", "below 85 %",
        "looked up in the benchmark's table", "seed = 0"})
    BOOST_TEST(contains(text, row), row);
}

BOOST_AUTO_TEST_CASE(every_row_of_a_markdown_table_has_as_many_cells_as_its_header) {
  std::istringstream lines(to_markdown(TextTable{{"a", "b|c"}, {{"|x|", "y\nz"}, {"\\|", "`|`"}}}));
  for (std::string line; std::getline(lines, line);) {
    std::int64_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\')
        ++i;
      else
        bars += line[i] == '|' ? 1 : 0;
    }
    BOOST_TEST(bars == 3, line);
  }
}

BOOST_AUTO_TEST_CASE(html_is_well_formed_and_needs_and_runs_nothing) {
  const std::string html = to_html(comparison_report(comparison()));
  BOOST_TEST(test::html_complaint(html) == "");
  for (const char* part : {"<script", "src=", "href=", "@import", "url(", "</pre>\n</pre>", "alert('"})
    BOOST_TEST(!contains(html, part), part);
  BOOST_TEST(contains(html, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;"));
  BOOST_TEST(contains(html, "<td>&lt;i&gt;|</td>"));
  BOOST_TEST(contains(html, "<td>92.50 ± 0.71</td>"));
  BOOST_TEST(contains(html, "prefers-color-scheme: dark"));
  BOOST_TEST(contains(html, "<title>darts: 92.50 at 15 s</title>"));
}

BOOST_AUTO_TEST_CASE(markdown_runs_no_html_and_keeps_its_fences) {
  const std::string text = to_markdown(comparison_report(comparison()));
  const std::string prose = text.substr(0, text.find("## Settings"));
  BOOST_TEST(!contains(prose, "<"));
  BOOST_TEST(contains(text, "````\nseed = 0\n```\n</pre>\n````\n"));
}

BOOST_AUTO_TEST_CASE(the_check_of_html_finds_what_is_wrong) {
  for (const char* wrong : {"<p>", "<p><b></p></b>", "</p>", "<p>a < b</p>", "<p"})
    BOOST_TEST(test::html_complaint(wrong) != "", wrong);
  BOOST_TEST(test::html_complaint("<!DOCTYPE html><meta a=\"b\"><p>x<br/></p>") == "");
}

BOOST_AUTO_TEST_CASE(without_a_table_the_search_networks_own_accuracy_stands_in) {
  Json facts = comparison();
  facts["has_table"] = false;
  facts["random_mean"] = nullptr;
  for (Json& one : facts["runs"]) {
    one["truth"] = nullptr;
    one["curve"].erase(4);
  }
  const std::string text = to_markdown(comparison_report(facts));
  BOOST_TEST(contains(text, "| darts | 13.50 ± 0.71 |"));
  BOOST_TEST(contains(text, "say little of how good the cells are"));
  BOOST_TEST(!contains(text, "85 %"));
  BOOST_TEST(contains(text, "91.50 (6.00 s) | – |"));
}

BOOST_AUTO_TEST_CASE(a_curve_is_drawn_to_scale) {
  BOOST_TEST(line_chart({{"a", {}}}, {.x_label = "x", .y_label = "y"}) == "");
  const std::string svg =
      line_chart({{"a", {{0, 0}, {50, 10}, {100, 5}}}, {"<b>", {{0, 10}}}}, {.x_label = "x", .y_label = "y"});
  BOOST_TEST(test::html_complaint(svg) == "");
  // The plot is 860 x 340 at (64, 12): x from 0 to 100, y from 0 to 10; each value holds until the next.
  BOOST_TEST(contains(svg, "d=\"M64.0 352.0H494.0V12.0H924.0V182.0\""));
  BOOST_TEST(contains(svg, "&lt;b&gt;"));
  // One point, and a constant, have room too.
  BOOST_TEST(!contains(line_chart({{"a", {{0, 7}}}}, {.x_label = "x", .y_label = "y"}), "nan"));
  BOOST_TEST(!contains(line_chart({{"a", {{0, 0}, {3, 0}}}}, {.x_label = "x", .y_label = "y"}), "inf"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
