// labels: fast data
#include <zlib.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "autograd/optim/adam.h"
#include "engine/error.h"
#include "nas/bayes/variational.h"
#include "nas/spaces/nasbench201/cell.h"
#include "nas/spaces/nasbench201/expected_error.h"
#include "tests/nas/nasbench201_published.h"

using namespace ockham;
using namespace nas::nasbench201;
using test::Says;

namespace {

constexpr const char* kBest =
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|";

/// A table of all cells whose accuracies are told apart by their numbers, as lines.
std::vector<std::string> table_lines() {
  std::vector<std::string> lines{"arch,c10_valid_200,c10_test_200,c100_test_200,im120_test_200"};
  for (std::int64_t number = 0; number < kCells; ++number)
    lines.push_back(concat(to_string(cell_of(number)), ',', static_cast<double>(number) / 200.0, ",50,40,30"));
  return lines;
}

std::string written(const test::TemporaryFolder& folder, const std::vector<std::string>& lines) {
  const std::string path = (folder.path() / "table.csv").string();
  std::ofstream file(path);
  for (const std::string& line : lines)
    file << line << '\n';
  return path;
}

void check_refused(const std::vector<std::string>& lines, std::initializer_list<std::string_view> parts) {
  const test::TemporaryFolder folder;
  BOOST_CHECK_EXCEPTION(Table::load(written(folder, lines)), TableError, (Says{parts}));
}

std::vector<double> noise(std::uint64_t seed, double width) {
  std::vector<double> alpha(kAlphas);
  for (std::size_t i = 0; i < alpha.size(); ++i)
    alpha[i] = width * normal({seed, Purpose::kTest, 1}, i);
  return alpha;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(nasbench201)

BOOST_AUTO_TEST_CASE(a_cell_is_its_string_its_code_and_its_number) {
  const Cell cell = parse_cell(kBest);
  BOOST_TEST(code(cell) == "333133");
  BOOST_TEST(to_string(cell) == kBest);
  BOOST_CHECK(parse_cell("333133") == cell);
  for (std::int64_t number = 0; number < kCells; number += 7) {
    BOOST_TEST_REQUIRE(number_of(cell_of(number)) == number);
    BOOST_REQUIRE(parse_cell(to_string(cell_of(number))) == cell_of(number));
  }
  BOOST_CHECK_THROW(cell_of(kCells), UsageError);
  BOOST_CHECK_THROW(cell_of(-1), UsageError);
}

BOOST_AUTO_TEST_CASE(a_malformed_string_is_refused_with_its_column) {
  const auto refuses = [](std::string_view text, std::initializer_list<std::string_view> parts) {
    BOOST_CHECK_EXCEPTION(parse_cell(text), UsageError, (Says{parts}));
  };
  refuses("", {"column 1", "expected '|'", "the end"});
  refuses("|none~0|+|none~0|none~1|+|none~0|none~1|none~2", {"column 47", "expected '|'", "the end"});
  refuses("|conv~0|", {"column 2", "'conv'", "nor_conv_1x1"});
  refuses("|none~1|", {"column 7", "expected '0', found '1'"});
  refuses("|none~0||none~0|", {"column 9", "expected '+'"});
  refuses(concat(kBest, "|"), {"complete", "found '|'"});
  refuses("33313", {"column 6", "after 5 of six"});
  refuses("3331334", {"column 7", "six digits"});
  refuses("333153", {"column 5", "'5'"});
}

BOOST_AUTO_TEST_CASE(sizes_are_those_of_the_published_networks) {
  struct Known {
    const char* code;
    std::int64_t parameters, macs;
  };
  for (const Known& known :
       {Known{"421211", 129306, 15647360}, Known{"334131", 802426, 113951360}, Known{"333133", 1288506, 184730240},
        Known{"333333", 1531546, 220119680}, Known{"111111", 73306, 7783040}}) {
    BOOST_TEST(parameter_count(parse_cell(known.code)) == known.parameters);
    BOOST_TEST(mac_count(parse_cell(known.code)) == known.macs);
    BOOST_TEST(parameter_count(parse_cell(known.code), 100) == known.parameters + 5850);
  }
}

BOOST_AUTO_TEST_CASE(three_hundred_and_forty_one_cells_transmit_nothing) {
  std::int64_t cut = 0;
  for (std::int64_t number = 0; number < kCells; ++number)
    cut += is_connected(cell_of(number)) ? 0 : 1;
  BOOST_TEST(cut == 341);
  BOOST_TEST(is_connected(parse_cell("100010")));
  BOOST_TEST(!is_connected(parse_cell("111000")));
}

BOOST_AUTO_TEST_CASE(a_table_gives_each_cell_its_row_in_any_order) {
  const test::TemporaryFolder folder;
  std::vector<std::string> lines = table_lines();
  std::swap(lines[1], lines[9000]);
  const Table table = Table::load(written(folder, lines));
  BOOST_TEST(table.at(cell_of(1234))[Column::kC10Valid] == 1234 / 200.0);
  BOOST_TEST(table.at(cell_of(0)).index == -1);
  BOOST_TEST(table.rank(cell_of(kCells - 1), Column::kC10Valid) == 1);
  BOOST_TEST(table.rank(cell_of(0), Column::kC10Valid) == kCells);
  BOOST_TEST(table.rank(cell_of(0), Column::kC10Test) == 1);
  BOOST_TEST(table.best(Column::kC10Valid) == (kCells - 1) / 200.0);
}

BOOST_AUTO_TEST_CASE(a_table_that_is_not_whole_is_refused) {
  BOOST_CHECK_EXCEPTION(Table::load("/nowhere/table.csv"), TableError,
                        (Says{{"/nowhere/table.csv", "cannot be opened"}}));
  check_refused({}, {"is empty"});
  const std::vector<std::string> whole = table_lines();
  const auto with = [&](std::size_t at, const std::string& line) {
    std::vector<std::string> lines = whole;
    lines[at] = line;
    return lines;
  };
  check_refused(with(0, "arch,c10_valid_200"), {"line 1", "no column 'c10_test_200'"});
  check_refused(with(3, "|none~0|,1,2,3,4"), {"line 4", "no cell", "column 9"});
  check_refused(with(3, whole[3] + ",5"), {"line 4", "has 6 fields, the header 5"});
  check_refused(with(3, to_string(cell_of(2)) + ",1,x,3,4"), {"line 4", "c10_test_200", "'x'"});
  check_refused(with(3, to_string(cell_of(2)) + ",1,101,3,4"), {"line 4", "101", "outside 0 to 100"});
  check_refused(with(3, to_string(cell_of(2)) + ",1,nan,3,4"), {"line 4", "outside 0 to 100"});
  check_refused(with(3, whole[4]), {"line 5", "second row", to_string(cell_of(3))});
  check_refused(with(3, ""), {"lacks 1 of 15625 cells", to_string(cell_of(2))});
  check_refused(with(3, std::string(5000, 'a')), {"line 4", "longer than"});
}

BOOST_AUTO_TEST_CASE(digits_are_explained_where_they_are_not_understood) {
  for (const char* text : {"(4, 0, 3, 1, 4, 3)", "[4,0,3,1,4,3]", "403153", "40314", "4031433"})
    BOOST_CHECK_EXCEPTION(parse_cell(text), UsageError,
                          (Says{{"1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2",
                                 "0 none, 1 skip_connect, 2 nor_conv_1x1, 3 nor_conv_3x3, 4 avg_pool_3x3", "NASLib"}}));
}

BOOST_AUTO_TEST_CASE(a_table_that_was_cut_says_so) {
  const test::TemporaryFolder folder;
  const std::string plain = written(folder, table_lines());
  std::ifstream in(plain, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string packed = (folder.path() / "table.csv.gz").string();
  gzFile file = gzopen(packed.c_str(), "wb");
  BOOST_REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  gzclose(file);
  BOOST_CHECK_NO_THROW(Table::load(packed));
  const auto whole = std::filesystem::file_size(packed);
  for (const std::uintmax_t size : {whole - 1, whole - 4, whole / 2, std::uintmax_t{40}}) {
    std::filesystem::resize_file(packed, size);
    BOOST_CHECK_EXCEPTION(Table::load(packed), TableError, (Says{{"table.csv.gz", "cut off after line", "fetch"}}));
  }

  std::filesystem::resize_file(plain, text.size() - 1);  // an editor's: no end of the last line
  BOOST_CHECK_NO_THROW(Table::load(plain));
  std::filesystem::resize_file(plain, text.size() - 10);
  BOOST_CHECK_EXCEPTION(Table::load(plain), TableError, (Says{{"line 15626", "breaks off", "cut"}}));
  std::filesystem::resize_file(plain, text.rfind('\n', text.size() - 2) + 1);
  BOOST_CHECK_EXCEPTION(Table::load(plain), TableError, (Says{{"lacks 1 of 15625 cells"}}));
}

BOOST_AUTO_TEST_CASE(expected_error_has_the_derivatives_of_finite_differences) {
  const test::TemporaryFolder folder;
  const ExpectedError f(Table::load(written(folder, table_lines())), Column::kC10Valid);
  std::vector<double> alpha = noise(5, 1.0), gradient(kAlphas), diagonal(kAlphas);
  const double at = f.evaluate(alpha, gradient, diagonal);
  constexpr double kStep = 1e-4;
  for (std::size_t i = 0; i < alpha.size(); ++i) {
    const auto moved = [&](double by) {
      std::vector<double> there = alpha;
      there[i] += by;
      return f.evaluate(there, {}, {});
    };
    BOOST_TEST(std::abs((moved(kStep) - moved(-kStep)) / (2.0 * kStep) - gradient[i]) <= 1e-8);
    BOOST_TEST(std::abs((moved(kStep) - 2.0 * at + moved(-kStep)) / (kStep * kStep) - diagonal[i]) <= 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(expected_error_of_a_certain_cell_is_its_error) {
  const test::TemporaryFolder folder;
  const ExpectedError f(Table::load(written(folder, table_lines())), Column::kC10Valid);
  const Cell cell = parse_cell("421210");
  std::vector<double> alpha(kAlphas, -100.0);
  for (std::size_t e = 0; e < cell.edges.size(); ++e)
    alpha[e * kOperations + static_cast<std::size_t>(cell.edges[e])] = 0.0;
  BOOST_TEST(std::abs(f.evaluate(alpha, {}, {}) - (1.0 - static_cast<double>(number_of(cell)) / 20000.0)) <= 1e-12);
  BOOST_CHECK(largest(alpha) == cell);
}

BOOST_AUTO_TEST_CASE(the_published_table_has_the_published_optima) {
  const Table* table = test::published_table();
  if (table == nullptr)
    return;
  BOOST_TEST(table->best(Column::kC10Test) == 94.37, boost::test_tools::tolerance(1e-4));
  BOOST_TEST(table->best(Column::kC100Test) == 73.51, boost::test_tools::tolerance(1e-4));
  BOOST_TEST(table->at(parse_cell("333132")).index == 6111);
  BOOST_TEST(table->rank(parse_cell("333132"), Column::kC10Test) == 1);
  BOOST_TEST(table->rank(parse_cell(kBest), Column::kC100Test) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
