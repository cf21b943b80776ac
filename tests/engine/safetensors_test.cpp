#include "engine/safetensors.h"

#include <sys/stat.h>

#include <limits>

#include "engine/random.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

using test::contents;
using test::is_same;

const std::string kGolden(
    "\x38\0\0\0\0\0\0\0"
    R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  )"
    "\x00\x00\x80\x3f\x00\x00\x00\xc0",
    72);

struct Fixture {
  test::TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "x.safetensors";

  TensorFile load(const std::string& bytes) const {
    test::put(path, bytes);
    return load_safetensors(path);
  }
  /// A file of this header and as many zero bytes of data.
  TensorFile load(const std::string& header, std::size_t data) const {
    std::uint64_t length = header.size();
    return load(std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(data, '\0'));
  }
  void refuses(const std::string& header, std::size_t data, std::initializer_list<std::string_view> parts) const {
    BOOST_TEST_INFO("header " << header.substr(0, 200));
    BOOST_CHECK_EXCEPTION(load(header, data), CheckpointError, test::Says{parts});
  }
};

std::string entry(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return concat(R"({"dtype":")", dtype, R"(","shape":)", shape, R"(,"data_offsets":)", offsets, "}");
}

TensorFile every_type() {
  TensorFile file;
  file.tensors["f32"] = Tensor::from({1.5f, -0.0f, std::numeric_limits<float>::quiet_NaN()}, {3, 1});
  file.tensors["f64"] = Tensor::from({3.25, -1e300}, {2});
  file.tensors["bf16"] = Tensor::from({BFloat16(2.0f)}, {1, 1, 1});
  file.tensors["i64"] = Tensor::scalar(-7, DType::kInt64);
  file.tensors["u8"] = Tensor::from<std::uint8_t>({0, 255, 3, 4, 5, 6}, {2, 3});
  file.tensors["empty"] = Tensor({0, 4});
  file.metadata = {{"format", "1"}, {"text", "quote \" line\n snow\xe2\x98\x83"}};
  return file;
}

BOOST_FIXTURE_TEST_SUITE(safetensors, Fixture)

BOOST_AUTO_TEST_CASE(golden_file_is_read_and_written_byte_for_byte) {
  const TensorFile file = load(kGolden);
  BOOST_TEST(file.tensors.size() == 1u);
  BOOST_TEST(is_same(file.tensors.at("w"), Tensor::from({1.0f, -2.0f}, {2})));
  const auto copy = folder.path() / "copy";
  save_safetensors(copy, file);
  BOOST_TEST((contents(copy) == kGolden));
}

BOOST_AUTO_TEST_CASE(every_type_and_metadata_survive_a_round_trip) {
  const TensorFile file = every_type();
  save_safetensors(path, file);
  const TensorFile back = load_safetensors(path);
  BOOST_TEST((back.metadata == file.metadata));
  BOOST_TEST(back.tensors.size() == file.tensors.size());
  for (const auto& [name, tensor] : file.tensors)
    BOOST_TEST(is_same(tensor, back.tensors.at(name)), name);
}

BOOST_AUTO_TEST_CASE(data_are_sorted_by_element_size_and_the_header_is_padded) {
  save_safetensors(path, every_type());
  const std::string bytes = contents(path);
  const auto at = [&](const std::string& name) { return bytes.find("\"" + name + "\":{"); };
  BOOST_TEST(bytes.find("__metadata__") < at("f64"));
  BOOST_TEST(at("f64") < at("i64"));
  BOOST_TEST(at("i64") < at("empty"));
  BOOST_TEST(at("empty") < at("f32"));
  BOOST_TEST(at("f32") < at("bf16"));
  BOOST_TEST(at("bf16") < at("u8"));
  BOOST_TEST(static_cast<unsigned char>(bytes[0]) % 8 == 0);
}

BOOST_AUTO_TEST_CASE(equal_contents_give_equal_bytes) {
  const auto other = folder.path() / "other";
  save_safetensors(path, every_type());
  save_safetensors(other, every_type());
  BOOST_TEST((contents(path) == contents(other)));
}

BOOST_AUTO_TEST_CASE(a_strided_view_is_saved_row_by_row) {
  const Tensor x = Tensor::from({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, {2, 3}).transpose(0, 1);
  save_safetensors(path, {.tensors = {{"x", x}}, .metadata = {}});
  BOOST_TEST(is_same(load_safetensors(path).tensors.at("x"), Tensor::from({1.0, 4.0, 2.0, 5.0, 3.0, 6.0}, {3, 2})));
}

BOOST_AUTO_TEST_CASE(a_file_without_tensors_is_legal) {
  save_safetensors(path, {});
  BOOST_TEST(load_safetensors(path).tensors.empty());
}

BOOST_AUTO_TEST_CASE(other_writers_files_without_padding_and_in_any_order_are_read) {
  const TensorFile file =
      load(concat("{\"a\":", entry("U8", "[3]", "[4,7]"), ",\n \"b\" : ", entry("F32", "[]", "[0,4]"), "}"), 7);
  BOOST_TEST(file.tensors.at("a").shape() == Shape({3}));
  BOOST_TEST(file.tensors.at("b").shape() == Shape());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_refused) {
  BOOST_CHECK_EXCEPTION(save_safetensors(path, {.tensors = {{"x", Tensor()}}, .metadata = {}}), Error,
                        (test::Says{{"'x'", "undefined"}}));
  BOOST_CHECK_EXCEPTION(save_safetensors(path, {.tensors = {{"__metadata__", Tensor({1})}}, .metadata = {}}), Error,
                        (test::Says{{"reserved"}}));
  BOOST_CHECK_EXCEPTION(save_safetensors(path, {.tensors = {}, .metadata = {{"k", "\xff"}}}), Error,
                        (test::Says{{"not UTF-8"}}));
  BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(missing_files_folders_and_pipes_are_refused) {
  BOOST_CHECK_EXCEPTION(load_safetensors(path), CheckpointError, (test::Says{{path.string(), "does not exist"}}));
  BOOST_CHECK_EXCEPTION(load_safetensors(folder.path()), CheckpointError, (test::Says{{"not a regular file"}}));
  BOOST_TEST(::mkfifo(path.c_str(), 0600) == 0);
  BOOST_CHECK_EXCEPTION(load_safetensors(path), CheckpointError, (test::Says{{"not a regular file"}}));
}

BOOST_AUTO_TEST_CASE(wrong_header_sizes_are_refused_before_memory_is_taken) {
  BOOST_CHECK_EXCEPTION(load("abc"), CheckpointError, (test::Says{{"3 bytes", "cut off"}}));
  BOOST_CHECK_EXCEPTION(load(std::string(8, '\xff')), CheckpointError, (test::Says{{"18446744073709551615", "limit"}}));
  BOOST_CHECK_EXCEPTION(load(std::string("\x10\0\0\0\0\0\0\0{}", 10)), CheckpointError,
                        (test::Says{{"claims 16 bytes", "2 left"}}));
  // A sparse file is large enough for a header beyond the limit.
  test::put(path, std::string("\x01\xe1\xf5\x05\0\0\0\0", 8));
  std::filesystem::resize_file(path, 200'000'000);
  BOOST_CHECK_EXCEPTION(load_safetensors(path), CheckpointError, (test::Says{{"100000001", "limit is 100000000"}}));
}

BOOST_AUTO_TEST_CASE(text_that_is_not_the_expected_json_is_refused) {
  refuses("", 0, {"begin with '{'"});
  refuses(" {}", 0, {"begin with '{'"});
  refuses("[]", 0, {"begin with '{'"});
  refuses("{\"a\"", 0, {"not valid JSON"});
  refuses("{} x", 0, {"not valid JSON"});
  refuses(std::string("{}\0x", 4), 0, {"zero byte at 2"});
  refuses("{\"\xff\":1}", 0, {"not valid JSON"});
  refuses("{\"a\":1}", 0, {"a number", "\"a\""});
  refuses("{\"a\":[1]}", 0, {"an array", "\"a\""});
  refuses("{\"a\":null}", 0, {"null"});
  refuses(R"({"__metadata__":{"k":1}})", 0, {"a number", "__metadata__.k"});
  refuses(R"({"__metadata__":{"k":{}}})", 0, {"an object"});
  refuses(concat("{\"a\":", entry("F32", "[[1]]", "[0,4]"), "}"), 4, {"an array", "a.shape"});
  refuses("{\"a\":" + std::string(1'000'000, '['), 0, {"an array"});
  refuses("{\"a\":{\"shape\":" + std::string(1'000'000, '['), 0, {"an array"});
}

BOOST_AUTO_TEST_CASE(incomplete_or_unknown_entries_are_refused_by_name) {
  refuses(R"({"a":{}})", 0, {"\"a\" lacks dtype"});
  refuses(R"({"a":{"dtype":"F32","shape":[]}})", 4, {"\"a\" lacks data_offsets"});
  refuses(R"({"a":{"stride":[]}})", 0, {"\"a\"", "\"stride\" is unknown"});
  refuses(concat("{\"a\":", entry("F16", "[2]", "[0,4]"), "}"), 4, {"\"F16\"", "BF16"});
  refuses(concat("{\"a\":", entry("F32", "[1]", "[0]"), "}"), 4, {"\"a\"", "two numbers"});
  refuses(concat("{\"a\":", entry("F32", "[1]", "[4,0]"), "}"), 4, {"\"a\"", "not below"});
  refuses(concat("{\"a\":", entry("F32", "[-1]", "[0,4]"), "}"), 4, {"a negative number"});
  refuses(concat("{\"a\":", entry("F32", "[1.0]", "[0,4]"), "}"), 4, {"no 64-bit integer"});
  refuses(concat("{\"a\":", entry("F32", "[1,1,1,1,1,1,1]", "[0,4]"), "}"), 4, {"\"a\"", "7 dimensions"});
}

BOOST_AUTO_TEST_CASE(duplicates_are_refused) {
  const std::string a = entry("U8", "[1]", "[0,1]");
  refuses(concat("{\"a\":", a, ",\"a\":", a, "}"), 1, {"\"a\" occurs twice"});
  refuses(R"({"__metadata__":{"k":"1","k":"2"}})", 0, {"\"k\" occurs twice"});
  refuses(R"({"__metadata__":{},"__metadata__":{}})", 0, {"__metadata__", "occurs twice"});
  refuses(R"({"a":{"dtype":"U8","dtype":"U8"}})", 0, {"\"dtype\" occurs twice"});
}

BOOST_AUTO_TEST_CASE(products_that_overflow_are_refused) {
  // 2^62 elements of 4 bytes are 2^64 bytes, which is 0 in 64 bits.
  refuses(concat("{\"a\":", entry("F32", "[4611686018427387904]", "[0,0]"), "}"), 0, {"\"a\"", "does not fill"});
  refuses(concat("{\"a\":", entry("U8", "[4294967296,4294967296]", "[0,0]"), "}"), 0, {"\"a\"", "2^62"});
  refuses(concat("{\"a\":", entry("U8", "[18446744073709551615]", "[0,0]"), "}"), 0, {"\"a\"", "2^63"});
  refuses(concat("{\"a\":", entry("U8", "[18446744073709551616]", "[0,0]"), "}"), 0, {"no 64-bit integer"});
}

BOOST_AUTO_TEST_CASE(ranges_must_tile_the_data) {
  const auto two = [](std::string_view first, std::string_view second) {
    return concat("{\"a\":", entry("U8", "[4]", first), ",\"b\":", entry("U8", "[4]", second), "}");
  };
  refuses(two("[0,4]", "[5,9]"), 9, {"\"b\"", "begin at 5", "end at 4", "holes"});
  refuses(two("[0,4]", "[3,7]"), 7, {"\"b\"", "begin at 3"});
  refuses(two("[0,4]", "[0,4]"), 4, {"\"b\"", "overlaps"});
  refuses(two("[0,4]", "[4,8]"), 7, {"cover 8 bytes", "holds 7"});
  refuses(two("[0,4]", "[4,8]"), 9, {"cover 8 bytes", "holds 9"});
  refuses(two("[0,4]", "[18446744073709551612,18446744073709551615]"), 4, {"\"b\"", "does not fill"});
}

BOOST_AUTO_TEST_CASE(names_from_the_file_cannot_control_the_terminal_or_flood_it) {
  refuses(R"({"\u001b[2J":{}})", 0, {R"("\u001b[2J" lacks dtype)"});
  try {
    load(concat("{\"", std::string(100'000, 'x'), "\":{}}"), 0);
    BOOST_ERROR("a name without an entry was accepted");
  } catch (const CheckpointError& e) {
    BOOST_TEST(std::string_view(e.what()).size() < 500u);
  }
}

BOOST_AUTO_TEST_CASE(damaged_files_give_a_checkpoint_error_or_a_valid_result) {
  save_safetensors(path, every_type());
  const std::string good = contents(path);
  int refused = 0;
  for (std::uint64_t trial = 0; trial < 1500; ++trial) {
    const RandomKey key{.seed = 5, .purpose = Purpose::kTest, .step = trial};
    std::string bytes = good;
    if (trial % 3 == 0)
      bytes.resize(random_below(key, 0, bytes.size()));
    for (std::uint64_t flip = 0; trial % 3 != 0 && flip < 1 + trial % 3; ++flip)
      bytes[random_below(key, 2 * flip, bytes.size())] = static_cast<char>(random_below(key, 2 * flip + 1, 256));
    try {
      for (const auto& [name, tensor] : load(bytes).tensors)
        BOOST_TEST_REQUIRE(is_same(tensor, tensor.clone()));
    } catch (const CheckpointError&) {
      ++refused;
    }
  }
  BOOST_TEST(refused > 700);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
