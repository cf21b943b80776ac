// Structs that describe their fields once: options declared from them, and filled again.
#include "apps/cli/options/settings.h"

#include "engine/error.h"
#include "tests/support.h"

namespace ockham::apps {
namespace {

using test::Says;

enum class Order { kFirst, kSecond };

std::string is_short(const std::string& text) {
  return text.size() > 3 ? "is longer than three letters" : "";
}

struct Example {
  bool is_fixed = false;
  bool is_on = true;
  std::int64_t draws = 100;
  std::optional<std::int64_t> cap;
  double rate = 3e-4;
  std::optional<double> decay;
  std::optional<double> scale = 1.0;
  std::optional<std::uint64_t> limit;
  Order order = Order::kSecond;
  std::string from = "gaussian";
  std::string name = "abc";
  std::int64_t threads = 0;
  bool is_quiet = false;
};

void describe(Example& s, SettingVisitor& visitor) {
  visitor.group("Example");
  visitor.flag("fixed", s.is_fixed, "keep it");
  visitor.flag("on", s.is_on, "let it go on");
  visitor.count("draws", s.draws, "cells drawn", {.min = 1, .max = 1000});
  visitor.count("cap", s.cap, "most of them [no limit]");
  visitor.real("rate", s.rate, "learning rate", kPositive);
  visitor.real("decay", s.decay, "weight decay [that of the prior]");
  visitor.real_or_auto("scale", s.scale, "factor", kPositive);
  visitor.size("limit", s.limit, "most bytes");
  visitor.choice("order", s.order, {{"1", Order::kFirst}, {"2", Order::kSecond}}, "order of the gradient");
  visitor.choice("from", s.from, {"gaussian", "uniform"}, "what they are drawn from");
  visitor.text("name", s.name, "its name", "NAME", is_short);
  visitor.alias("title", "name");
  visitor.role(SettingRole::kChangeable);
  visitor.count("threads", s.threads, "threads");
  visitor.role(SettingRole::kPresentation);
  visitor.flag("quiet", s.is_quiet, "print nothing");
}

Options parse(const std::vector<std::string>& arguments) {
  OptionTable table;
  declare_settings<Example>(table);
  return table.parse(arguments, {});
}

Example read(const std::vector<std::string>& arguments) {
  return read_settings<Example>(parse(arguments));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(settings)

BOOST_AUTO_TEST_CASE(what_is_not_given_keeps_the_value_in_the_struct) {
  const Example read_back = read({});
  BOOST_TEST(!read_back.is_fixed);
  BOOST_TEST(read_back.is_on);
  BOOST_TEST(read_back.draws == 100);
  BOOST_TEST(!read_back.cap.has_value());
  BOOST_TEST(read_back.rate == 3e-4);
  BOOST_TEST(!read_back.decay.has_value());
  BOOST_TEST(read_back.scale.value() == 1.0);
  BOOST_TEST(!read_back.limit.has_value());
  BOOST_CHECK(read_back.order == Order::kSecond);
  BOOST_TEST(read_back.from == "gaussian");
  BOOST_TEST(read_back.name == "abc");
}

BOOST_AUTO_TEST_CASE(every_kind_takes_the_value_that_is_given) {
  const Example read_back =
      read({"--fixed", "--on=false", "--draws", "7",    "--cap",   "2", "--rate", "0.1",     "--decay", "0",
            "--scale", "auto",       "--limit", "1GiB", "--order", "1", "--from", "uniform", "--name",  "x"});
  BOOST_TEST(read_back.is_fixed);
  BOOST_TEST(!read_back.is_on);
  BOOST_TEST(read_back.draws == 7);
  BOOST_TEST(read_back.cap.value() == 2);
  BOOST_TEST(read_back.rate == 0.1);
  BOOST_TEST(read_back.decay.value() == 0.0);
  BOOST_TEST(!read_back.scale.has_value());
  BOOST_TEST(read_back.limit.value() == (std::uint64_t{1} << 30));
  BOOST_CHECK(read_back.order == Order::kFirst);
  BOOST_TEST(read_back.from == "uniform");
  BOOST_TEST(read_back.name == "x");
  BOOST_TEST(read({"--scale", "2.5"}).scale.value() == 2.5);
}

BOOST_AUTO_TEST_CASE(limits_choices_and_rules_hold) {
  BOOST_CHECK_EXCEPTION(parse({"--draws", "0"}), UsageError, Says{{"the smallest allowed value is 1"}});
  BOOST_CHECK_EXCEPTION(parse({"--cap", "-1"}), UsageError, Says{{"the smallest allowed value is 0"}});
  BOOST_CHECK_EXCEPTION(parse({"--rate", "0"}), UsageError, Says{{"it must be above 0"}});
  BOOST_CHECK_EXCEPTION(parse({"--scale", "foo"}), UsageError, Says{{"--scale: 'foo' is not a finite number"}});
  BOOST_CHECK_EXCEPTION(parse({"--scale", "-1"}), UsageError, Says{{"is too small"}});
  BOOST_CHECK_EXCEPTION(parse({"--order", "3"}), UsageError, Says{{"is none of 1, 2"}});
  BOOST_CHECK_EXCEPTION(parse({"--name", "long"}), UsageError, Says{{"is longer than three letters"}});
}

BOOST_AUTO_TEST_CASE(aliases_name_and_roles_mark_what_they_follow) {
  BOOST_TEST(read({"--title", "xyz"}).name == "xyz");
  OptionTable table;
  declare_settings<Example>(table);
  BOOST_TEST(!table.at("name").free_on_resume);
  BOOST_TEST(table.at("threads").free_on_resume);
  BOOST_TEST(table.at("threads").recorded);
  BOOST_TEST(!table.at("quiet").recorded);
  declare_settings<Example>(table);  // a heading ends the role before it
  BOOST_TEST(table.at("draws").recorded);
}

BOOST_AUTO_TEST_CASE(one_name_in_two_structs_is_one_option_if_they_agree) {
  OptionTable table;
  declare_settings<Example>(table);
  declare_settings<Example>(table);
  BOOST_TEST(read_settings<Example>(table.parse({"--draws", "3"}, {})).draws == 3);
  Example other;
  other.draws = 50;
  BOOST_CHECK_EXCEPTION(declare_settings(table, other), std::logic_error, Says{{"'draws' is declared twice"}});
  OptionDeclarer declarer(table);
  std::string text = "100";
  std::int64_t number = 100;
  BOOST_CHECK_THROW(declarer.text("draws", text, "of another kind", "TEXT", nullptr), std::logic_error);
  BOOST_CHECK_THROW(declarer.count("draws", number, "without limits", {}), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham::apps
