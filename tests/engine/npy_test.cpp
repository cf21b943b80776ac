#include "engine/npy.h"

#include "engine/random.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

// numpy.save of numpy.array([[1.0, -2.0]], dtype='<f4')
const std::string kGolden = std::string("\x93NUMPY\x01\x00\x76\x00", 10) +
                            "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }" + std::string(58, ' ') +
                            "\n" + std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);

struct Fixture {
  test::TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "x.npy";

  Tensor load(const std::string& bytes) const {
    test::put(path, bytes);
    return load_npy(path);
  }
  static std::string with_header(const std::string& header, std::size_t data) {
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header +
           std::string(data, '\0');
  }
  void refuses(const std::string& bytes, std::initializer_list<std::string_view> parts) const {
    BOOST_TEST_INFO("file " << bytes.substr(0, 150));
    BOOST_CHECK_EXCEPTION(load(bytes), CheckpointError, test::Says{parts});
  }
};

BOOST_FIXTURE_TEST_SUITE(npy, Fixture)

BOOST_AUTO_TEST_CASE(golden_file_is_read_and_written_byte_for_byte) {
  const Tensor x = load(kGolden);
  BOOST_TEST(test::is_same(x, Tensor::from({1.0f, -2.0f}, {1, 2})));
  const auto copy = folder.path() / "copy";
  save_npy(copy, x);
  BOOST_TEST((test::contents(copy) == kGolden));
}

BOOST_AUTO_TEST_CASE(every_type_and_rank_survives_a_round_trip) {
  const Tensor tensors[] = {Tensor::scalar(2.5, DType::kFloat64), Tensor::from<std::int64_t>({-1, 2, 3}, {3}),
                            Tensor::from<std::uint8_t>({1, 2, 3, 4, 5, 255}, {3, 1, 2}), Tensor({2, 0}),
                            Tensor::from({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, {2, 3}).transpose(0, 1)};
  for (const Tensor& x : tensors) {
    save_npy(path, x);
    BOOST_TEST(test::is_same(load_npy(path), x), x.spec());
    BOOST_TEST((std::filesystem::file_size(path) - x.nbytes()) % 64 == 0u);
  }
}

BOOST_AUTO_TEST_CASE(version_2_keys_in_any_order_and_no_final_comma_are_read) {
  const std::string header = "{\"shape\": (3,), 'descr':'|u1','fortran_order':False}";
  const Tensor x = load(std::string("\x93NUMPY\x02\x00", 8) + static_cast<char>(header.size()) +
                        std::string("\0\0\0", 3) + header + "abc");
  BOOST_TEST(test::is_same(x, Tensor::from<std::uint8_t>({'a', 'b', 'c'}, {3})));
}

BOOST_AUTO_TEST_CASE(bfloat16_is_refused_with_the_remedy) {
  BOOST_CHECK_EXCEPTION(save_npy(path, Tensor({2}, DType::kBFloat16)), DTypeError,
                        (test::Says{{"bfloat16", "Tensor::to"}}));
  BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(files_that_are_not_npy_or_too_new_are_refused) {
  refuses("", {"0 bytes"});
  refuses("PK\x03\x04 zip archive", {"does not begin"});
  refuses(std::string("\x93NUMPY\x03\x00\x02\x00\x00\x00{}", 14), {"version 3.0"});
  refuses(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12), {"4294967295", "limit"});
  refuses(std::string("\x93NUMPY\x01\x00\x10\x00{}", 12), {"cut off"});
}

BOOST_AUTO_TEST_CASE(wrong_headers_are_refused_with_the_place) {
  refuses(with_header("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", 4), {"'<f4'", "byte 10"});
  refuses(with_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8), {"'<f4'"});
  refuses(with_header("{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", 4), {"Fortran", "ascontiguousarray"});
  refuses(with_header("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", 4), {"True or False"});
  refuses(with_header("{'descr': '<f4', 'shape': (1,)}", 4), {"lacks"});
  refuses(with_header("{'descr': '<f4', 'descr': '<f4'}", 4), {"occurs once", "byte 25"});
  refuses(with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4), {"the end"});
  refuses(with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1", 4), {"needs )"});
  refuses(with_header("{'descr': '<f4", 4), {"closing quote"});
  refuses(with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4), {"not be negative"});
  refuses(with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999999,)}", 4), {"2^63"});
  refuses(with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 4), {"2^62"});
  refuses(with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1)}", 4), {"7 dimensions"});
}

BOOST_AUTO_TEST_CASE(data_of_another_length_are_refused_before_memory_is_taken) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}";
  refuses(with_header(header, 23), {"float32[2,3]", "23 bytes"});
  refuses(with_header(header, 25), {"25 bytes"});
  // 2^62 elements of 4 bytes are 2^64 bytes, which is 0 in 64 bits.
  refuses(with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}", 0), {"0 bytes"});
}

BOOST_AUTO_TEST_CASE(damaged_files_give_a_checkpoint_error_or_a_valid_result) {
  int refused = 0;
  for (std::uint64_t trial = 0; trial < 1000; ++trial) {
    const RandomKey key{.seed = 6, .purpose = Purpose::kTest, .step = trial};
    std::string bytes = kGolden;
    if (trial % 3 == 0)
      bytes.resize(random_below(key, 0, bytes.size()));
    else
      bytes[random_below(key, 0, 80)] = static_cast<char>(random_below(key, 1, 256));
    try {
      BOOST_TEST_REQUIRE(load(bytes).numel() <= 8);
    } catch (const CheckpointError&) {
      ++refused;
    }
  }
  BOOST_TEST(refused > 700);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
