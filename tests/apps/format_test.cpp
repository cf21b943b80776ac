// Numbers for people, and sizes from people.
#include "apps/cli/text/format.h"

#include <limits>

#include "apps/cli/options/spelling.h"
#include "tests/support.h"

namespace ockham::apps {
BOOST_AUTO_TEST_SUITE(format)

BOOST_AUTO_TEST_CASE(bytes_have_three_digits_and_a_unit) {
  BOOST_TEST(format_bytes(0) == "0 B");
  BOOST_TEST(format_bytes(1023) == "1023 B");
  BOOST_TEST(format_bytes(1536) == "1.50 KiB");
  BOOST_TEST(format_bytes(10 << 20) == "10.0 MiB");
  BOOST_TEST(format_bytes((1U << 20) - 1) == "1.00 MiB");
  BOOST_TEST(format_bytes(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
}

BOOST_AUTO_TEST_CASE(durations_have_two_units) {
  BOOST_TEST(format_duration(0.416) == "0.42 s");
  BOOST_TEST(format_duration(59.4) == "59 s");
  BOOST_TEST(format_duration(59.6) == "1 min 00 s");
  BOOST_TEST(format_duration(185) == "3 min 05 s");
  BOOST_TEST(format_duration(7620) == "2 h 07 min");
  BOOST_TEST(format_duration(3 * 86400 + 4 * 3600) == "3 d 04 h");
  BOOST_TEST(format_duration(-1) == "?");
  BOOST_TEST(format_duration(std::numeric_limits<double>::quiet_NaN()) == "?");
}

BOOST_AUTO_TEST_CASE(counts_have_a_comma_every_three_digits) {
  BOOST_TEST(format_count(0) == "0");
  BOOST_TEST(format_count(999) == "999");
  BOOST_TEST(format_count(26910838) == "26,910,838");
  BOOST_TEST(format_count(-123456) == "-123,456");
}

BOOST_AUTO_TEST_CASE(sizes_take_decimal_and_binary_units) {
  BOOST_TEST(parse_size("1024").value() == 1024U);
  BOOST_TEST(parse_size("512MB").value() == 512'000'000U);
  BOOST_TEST(parse_size("2GiB").value() == 2147483648U);
  BOOST_TEST(parse_size("1.5 KiB").value() == 1536U);
  BOOST_TEST(parse_size("4k").value() == 4096U);
}

BOOST_AUTO_TEST_CASE(what_is_no_size_is_empty) {
  for (const char* text : {"", "GiB", "-1", "1.2.3", "2GX", "2 GiB left", "1e3", "99999999999999999999", "nan"})
    BOOST_TEST(!parse_size(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(numbers_are_read_whole_or_not_at_all) {
  BOOST_TEST(parse_count("-42").value() == -42);
  BOOST_TEST(parse_real("3e-4").value() == 3e-4);
  for (const char* text : {"", " 1", "1 ", "0x10", "+", "1,000", "inf", "nan", "1e999"}) {
    BOOST_TEST(!parse_count(text).has_value(), text);
    BOOST_TEST(!parse_real(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(nearest_name_counts_edits_and_swaps) {
  const std::vector<std::string> names = {"epochs", "batch-size", "lr"};
  BOOST_TEST(nearest_name("epohcs", names) == "epochs");
  BOOST_TEST(nearest_name("batchsize", names) == "batch-size");
  BOOST_TEST(nearest_name("rl", names) == "lr");
  BOOST_TEST(nearest_name("zzzzzz", names) == "");
  BOOST_TEST(nearest_name("", names) == "");
  BOOST_TEST(nearest_name(std::string(100000, 'x'), names) == "");
}

BOOST_AUTO_TEST_CASE(a_list_keeps_its_empty_parts) {
  using Parts = std::vector<std::string>;
  BOOST_TEST(split_list("a,b") == (Parts{"a", "b"}), boost::test_tools::per_element());
  BOOST_TEST(split_list("a,,") == (Parts{"a", "", ""}), boost::test_tools::per_element());
  BOOST_TEST(split_list("") == Parts{""}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(fixed_digits_round) {
  BOOST_TEST(format_fixed(93.456, 2) == "93.46");
  BOOST_TEST(format_fixed(-2, 0) == "-2");
}

BOOST_AUTO_TEST_CASE(a_shell_word_is_quoted_where_needed) {
  BOOST_TEST(shell_quoted("runs/a-1.json") == "runs/a-1.json");
  BOOST_TEST(shell_quoted("") == "''");
  BOOST_TEST(shell_quoted("a b") == "'a b'");
  BOOST_TEST(shell_quoted("it's") == "'it'\\''s'");
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
