// JSON that is refused by rule and place, however it was meant to harm.
#include "engine/strict_json.h"

#include <chrono>

#include "tests/support.h"

namespace ockham {
namespace {

using Json = nlohmann::ordered_json;

Json parse(const std::string& text, const JsonLimits& limits = {}) {
  return parse_strict_json<CheckpointError>(text, "run.json", limits);
}

void refuses(const std::string& text, std::initializer_list<std::string_view> parts) {
  BOOST_TEST_INFO("text " << text.substr(0, 100));
  BOOST_CHECK_EXCEPTION(parse(text), CheckpointError, test::Says{parts});
}

std::string nested(int depth, const std::string& open, const std::string& close) {
  std::string text;
  for (int i = 0; i < depth; ++i)
    text += open;
  text += "1";
  for (int i = 0; i < depth; ++i)
    text += close;
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(strict_json)

BOOST_AUTO_TEST_CASE(sound_text_keeps_its_values_and_their_order) {
  const Json value = parse(R"( {"b": [1, -2, 3.5, true, null], "a": {"b": "text", "c": {"b": 1}}} )");
  BOOST_TEST(value.dump() == R"({"b":[1,-2,3.5,true,null],"a":{"b":"text","c":{"b":1}}})");
}

BOOST_AUTO_TEST_CASE(nesting_is_read_to_the_limit_and_no_further) {
  BOOST_TEST(parse(nested(64, "[", "]")).is_array());
  BOOST_TEST(parse(nested(64, R"({"a":)", "}")).is_object());
  refuses(nested(65, "[", "]"), {"run.json", "deeper than 64"});
  refuses(nested(65, R"({"a":)", "}"), {"run.json", "deeper than 64"});
  refuses(R"({"fine": 1, "x": )" + nested(2'000'000, "[", "]") + "}", {"deeper than 64"});
}

BOOST_AUTO_TEST_CASE(length_is_limited_to_the_byte) {
  BOOST_TEST(parse("[123]", {.bytes = 5}).size() == 1u);
  BOOST_CHECK_EXCEPTION(parse("[1234]", {.bytes = 5}), CheckpointError, test::Says{{"longer than 5 bytes"}});
}

BOOST_AUTO_TEST_CASE(a_key_may_occur_once_in_its_object) {
  refuses(R"({"seed": 1, "lr": 2, "seed": 1})", {"'seed'", "twice"});
  refuses(R"({"a": [{"x": {}, "x": []}]})", {"'x'", "twice"});
}

BOOST_AUTO_TEST_CASE(keys_of_an_object_are_limited_and_refused_quickly) {
  std::string text = "{";
  for (int i = 0; i < 1'000'000; ++i)
    text += concat('"', i, "\":0,");
  const auto start = std::chrono::steady_clock::now();
  refuses(text + "\"end\":0}", {"more than 10000 keys"});
  BOOST_CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

BOOST_AUTO_TEST_CASE(malformed_text_is_named_with_its_place) {
  refuses("", {"run.json", "malformed"});
  refuses("{\"a\": 1,\n \"b\" 2}", {"malformed", "line 2"});
  refuses("{} {}", {"malformed"});
  refuses("[1e999]", {"malformed"});
  refuses("[NaN]", {"malformed"});
  refuses(std::string("[1]\0[2]", 7), {"malformed", "byte 3 is zero"});
  refuses("[\"\xff\"]", {"malformed"});
}

BOOST_AUTO_TEST_CASE(a_message_does_not_quote_the_text_at_length) {
  try {
    parse("[\"" + std::string(100'000, 'x'));
    BOOST_ERROR("an open string was accepted");
  } catch (const CheckpointError& e) {
    BOOST_TEST(std::string_view(e.what()).size() < 300u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
