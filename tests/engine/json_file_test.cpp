// What programs read from the JSON of a run has its type, or the file and the key are named.
#include "engine/json_file.h"

#include <array>
#include <vector>

#include "engine/error.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

using Json = nlohmann::ordered_json;
using test::Says;

const Json kValues = Json::parse(
    R"({"yes": true, "text": "a", "whole": 3, "negative": -3, "real": 0.5, "large": 18446744073709551615,
        "list": [1, 2, 3], "mixed": [1, "2"], "pairs": [[1, 2], [3, 4]], "null": null, "object": {"a": 1}})");

/// Which keys can be read as a T.
template <class T>
std::vector<std::string> readable() {
  std::vector<std::string> keys;
  for (const auto& [key, value] : kValues.items()) {
    try {
      value_of<T>(kValues, key, "run.json");
      keys.push_back(key);
    } catch (const CheckpointError& e) {
      BOOST_TEST((Says{{"run.json", "'" + key + "'", "damaged"}}(e)));
    }
  }
  return keys;
}

using Keys = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(json_file)

BOOST_AUTO_TEST_CASE(each_type_takes_its_own_values_alone) {
  BOOST_TEST(readable<bool>() == Keys{"yes"});
  BOOST_TEST(readable<std::string>() == Keys{"text"});
  BOOST_TEST(readable<std::int64_t>() == (Keys{"whole", "negative"}));
  BOOST_TEST(readable<std::uint64_t>() == (Keys{"whole", "large"}));
  BOOST_TEST(readable<double>() == (Keys{"whole", "negative", "real", "large"}));
  BOOST_TEST(readable<std::vector<int>>() == Keys{"list"});
  BOOST_TEST((readable<std::array<int, 3>>() == Keys{"list"}));
  BOOST_TEST((readable<std::vector<std::array<int, 2>>>() == Keys{"pairs"}));
  BOOST_TEST(readable<std::vector<Json>>() == (Keys{"list", "mixed", "pairs"}));
  BOOST_TEST(readable<Json>().size() == kValues.size());
}

BOOST_AUTO_TEST_CASE(values_arrive_whole) {
  BOOST_TEST(value_of<std::int64_t>(kValues, "negative", "") == -3);
  BOOST_TEST(value_of<std::uint64_t>(kValues, "large", "") == 18446744073709551615u);
  BOOST_TEST(value_of<double>(kValues, "real", "") == 0.5);
  BOOST_TEST(value_of<std::string>(kValues, "text", "") == "a");
  BOOST_TEST(value_of<std::vector<int>>(kValues, "list", "") == (std::vector<int>{1, 2, 3}));
  BOOST_TEST((value_of<std::vector<std::array<int, 2>>>(kValues, "pairs", "")[1] == std::array<int, 2>{3, 4}));
}

BOOST_AUTO_TEST_CASE(a_number_that_does_not_fit_is_refused) {
  for (const auto& [text, fits] : {std::pair{"127", true}, {"128", false}, {"-128", true}, {"-129", false}}) {
    const Json object = {{"n", Json::parse(text)}};
    if (fits)
      BOOST_TEST(value_of<std::int8_t>(object, "n", "") == std::stoi(text));
    else
      BOOST_CHECK_THROW(value_of<std::int8_t>(object, "n", ""), CheckpointError);
  }
}

BOOST_AUTO_TEST_CASE(a_missing_key_is_named_unless_something_stands_for_it) {
  BOOST_CHECK_EXCEPTION(value_of<bool>(kValues, "no", "run.json"), CheckpointError, (Says{{"run.json", "lacks 'no'"}}));
  BOOST_CHECK_THROW(value_of<bool>(Json::array(), "no", ""), CheckpointError);
  BOOST_TEST(value_of<std::int64_t>(kValues, "no", "", 7) == 7);
  BOOST_TEST(value_of<std::int64_t>(kValues, "whole", "", 7) == 3);
  BOOST_CHECK_THROW(value_of<std::int64_t>(kValues, "text", "", 7), CheckpointError);
}

BOOST_AUTO_TEST_CASE(a_long_value_is_not_quoted_at_length) {
  const Json object = {{"n", std::string(10'000, 'x')}};
  try {
    value_of<double>(object, "n", "run.json");
    BOOST_ERROR("a text was taken for a number");
  } catch (const CheckpointError& e) {
    BOOST_TEST(std::string_view(e.what()).size() < 200u);
  }
}

BOOST_AUTO_TEST_CASE(files_are_read_whole_or_refused_by_name) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run.json";
  BOOST_CHECK_EXCEPTION(read_json(path), CheckpointError, (Says{{path.c_str(), "does not exist"}}));
  BOOST_CHECK_EXCEPTION(read_json(folder.path()), CheckpointError, Says{{"not a regular file"}});
  test::put(path, R"({"a": 1})");
  BOOST_TEST(read_json(path).dump() == R"({"a":1})");
  test::put(path, R"({"a": 1)");
  BOOST_CHECK_EXCEPTION(read_json(path), CheckpointError, (Says{{path.c_str(), "malformed"}}));
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);  // sparse: its size is known before its bytes are read
  BOOST_CHECK_EXCEPTION(read_json(path), CheckpointError, (Says{{path.c_str(), "1099511627776 bytes"}}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
