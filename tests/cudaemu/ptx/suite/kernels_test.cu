// Kernels give the same as PTX, which nvcc made of them, as compiled by the host's compiler: bit by bit where they work
// on integers; else but for the functions of CUDA's library. Changes to the PTX are noticed.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <random>
#include <regex>
#include <sstream>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/ptx/launch.h"
#include "tests/cudaemu/ptx/suite/kernels.h"
#include "tests/cudaemu/runtime/heap.h"
#include "tests/cudaemu/suite/device_memory.h"
#include "tests/cudaemu/suite/reports.h"
#include "tests/support.h"

namespace ptx_kernels {
namespace {

namespace test = ockham::test;
using ockham::emutest::check;
using ockham::emutest::DeviceArray;

/// Files that nvcc made of kernels.cu, one an architecture.
std::vector<std::string> ptx_files() {
  const char* const given = std::getenv("OCKHAM_PTX_KERNELS");
  std::vector<std::string> files;
  std::istringstream in(given == nullptr ? "" : given);
  for (std::string file; std::getline(in, file, ':');)
    files.push_back(file);
  if (files.empty())
    test::skip("no PTX of tests/cudaemu/ptx/suite/kernels.cu: nvcc was not found when the build was configured");
  return files;
}

template <class Kernel>
void launch_one(const Kernel& kernel, unsigned blocks) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(Kernel::kThreads);
  check(cudaLaunchKernelEx(&config, run_one<Kernel>, kernel));
}

/// Each kernel with so many blocks.
template <class Kernel>
void launch_many(const std::vector<Kernel>& kernels, const std::vector<unsigned>& blocks) {
  Batch<Kernel> batch{};
  unsigned all = 0;
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    batch.first[k] = all;
    batch.kernels[k] = kernels[k];
    all += blocks[k];
  }
  batch.count = static_cast<int>(kernels.size());
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(all);
  config.blockDim = dim3(Kernel::kThreads);
  check(cudaLaunchKernelEx(&config, run_many<Kernel>, batch));
}

using Values = std::vector<double>;

/// Numbers of a device array as doubles, after those that are there; 64-bit integers in two halves.
template <class T>
void append(Values& values, const DeviceArray<T>& from) {
  for (const T& value : from.host()) {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      values.push_back(static_cast<double>(value >> 32));
      values.push_back(static_cast<double>(value & 0xffffffff));
    } else {
      values.push_back(static_cast<double>(value));
    }
  }
}

template <class T>
std::vector<T> random_numbers(std::size_t count, unsigned seed, double low, double high) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<T> values(count);
  for (T& value : values)
    value = static_cast<T>(uniform(random));
  return values;
}

double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b)))
    return 0;
  const double d = std::fabs(a - b) / std::max(1e-30, std::max(std::fabs(a), std::fabs(b)));
  return std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
}

double distance(const Values& a, const Values& b) {
  double most = a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    most = std::max(most, distance(a[i], b[i]));
  return most;
}

/// What `run` gives as compiled and as PTX is the same but for so much, relatively.
void compare(double tolerance, const std::function<Values()>& run) {
  // Nothing is allocated between runs, and no compiled kernel tells what it writes.
  emu::tracks_bytes = false;
  const Values compiled = run();
  BOOST_TEST(compiled.size() > 0u);
  for (const std::string& file : ptx_files()) {
    emu::ptx::load(file);
    const Values interpreted = run();
    emu::ptx::unload();
    BOOST_TEST(distance(compiled, interpreted) <= tolerance, file << ": " << distance(compiled, interpreted));
  }
}

constexpr double kExact = 0;
constexpr double kFloat = 1e-6;
constexpr double kDouble = 1e-15;

template <class T>
Values run_affine() {
  const DeviceArray<T> x(random_numbers<T>(1000, 1, 0, 2)), y(1000);
  launch_one(Affine<T>{1000, T(1.5), T(0.25), x, y}, 8);
  Values values;
  append(values, y);
  return values;
}

Values run_many_affine() {
  const DeviceArray<float> x(random_numbers<float>(1000, 2, 0, 2)), y(1000);
  std::vector<Affine<float>> kernels;
  std::vector<unsigned> blocks;
  for (int k = 0; k < 10; ++k) {
    kernels.push_back({100, static_cast<float>(k), 1.0f, x + 100 * k, y + 100 * k});
    blocks.push_back(1);
  }
  launch_many(kernels, blocks);
  Values values;
  append(values, y);
  return values;
}

Values run_row_sum() {
  const DeviceArray<float> x(random_numbers<float>(7 * 1000, 3, 0, 1)), y(7);
  launch_one(RowSum{1000, x, y}, 7);
  Values values;
  append(values, y);
  return values;
}

Values run_tree_sum() {
  const DeviceArray<double> x(random_numbers<double>(5 * 128, 4, 0, 1)), y(5);
  launch_one(TreeSum{x, y}, 5);
  Values values;
  append(values, y);
  return values;
}

Values run_depthwise(unsigned planes) {
  const DeviceArray<float> x(random_numbers<float>(planes * 1024, 5, 0, 1));
  const DeviceArray<float> w(random_numbers<float>(planes * 9, 6, 0.1, 1)), y(planes * 1024);
  launch_one(Depthwise{x, w, y}, planes);
  Values values;
  append(values, y);
  return values;
}

Values run_divide() {
  std::vector<std::int32_t> a = random_numbers<std::int32_t>(128, 7, -2e9, 2e9);
  std::vector<std::int32_t> b = random_numbers<std::int32_t>(128, 8, -100, -1);
  std::vector<std::int64_t> c = random_numbers<std::int64_t>(128, 9, -9e18, 9e18);
  std::vector<std::int64_t> d = random_numbers<std::int64_t>(128, 10, 1, 1e12);
  for (std::size_t i = 0; i < 64; ++i) {
    b[2 * i] = static_cast<std::int32_t>(i + 2);
    d[2 * i] = -static_cast<std::int64_t>(i) - 2;
  }
  const DeviceArray<std::int32_t> da(a), db(b), narrow(128 * 8);
  const DeviceArray<std::int64_t> dc(c), dd(d), wide(128 * 6);
  launch_one(Divide{da, db, dc, dd, narrow, wide}, 2);
  Values values;
  append(values, narrow);
  append(values, wide);
  return values;
}

Values run_philox() {
  const DeviceArray<uint4> bits(192);
  const DeviceArray<float> uniform(192);
  const DeviceArray<double> uniform_double(192);
  launch_one(Philox{0x12345678u, 0x9abcdef0u, bits, uniform, uniform_double}, 3);
  Values values;
  for (const uint4 b : bits.host())
    values.insert(values.end(), {double(b.x), double(b.y), double(b.z), double(b.w)});
  append(values, uniform);
  append(values, uniform_double);
  return values;
}

Values run_switch() {
  const DeviceArray<std::int32_t> code(random_numbers<std::int32_t>(256, 11, -1, 11));
  const DeviceArray<float> x(random_numbers<float>(256, 12, 0.01, 4)), y(256);
  std::vector<Switch> kernels{{code, x, y}, {code + 128, x + 128, y + 128}};
  launch_many(kernels, {2, 2});
  Values values;
  append(values, y);
  return values;
}

Values run_sort() {
  const DeviceArray<std::int32_t> x(random_numbers<std::int32_t>(128 * 9, 13, -1000, 1000)), y(128 * 9);
  launch_one(Sort{x, y}, 2);
  Values values;
  append(values, y);
  return values;
}

template <class T>
Values run_functions() {
  std::vector<T> numbers = random_numbers<T>(256, 14, 0, 5);
  for (std::size_t i = 0; i < 64; ++i)
    numbers[i + 1] = static_cast<T>(std::exp2(static_cast<double>(i) / 5 - 9));
  const DeviceArray<T> x(numbers), y(256 * Functions<T>::kCount);
  launch_one(Functions<T>{x, y}, 4);
  Values values;
  append(values, y);
  return values;
}

Values run_round_to_bfloat16() {
  std::vector<float> numbers = random_numbers<float>(128, 15, -1e3, 1e3);
  numbers[0] = 1 + 0x1p-8f;  // halfway, and to even
  numbers[1] = 1 + 0x3p-8f;
  numbers[2] = std::numeric_limits<float>::infinity();
  numbers[3] = std::numeric_limits<float>::quiet_NaN();
  numbers[4] = std::numeric_limits<float>::max();
  numbers[5] = std::numeric_limits<float>::denorm_min() * 0x18000;
  const DeviceArray<float> x(numbers), wide(128);
  const DeviceArray<std::uint16_t> narrow(128);
  launch_one(RoundToBFloat16{x, narrow, wide}, 2);
  Values values;
  append(values, narrow);
  append(values, wide);
  return values;
}

Values run_tables() {
  const DeviceArray<std::uint32_t> x(random_numbers<std::uint32_t>(128, 16, 0, 4e9));
  const DeviceArray<std::int32_t> y(128);
  const DeviceArray<float> z(128);
  launch_one(Tables{x, y, z}, 2);
  Values values;
  append(values, y);
  append(values, z);
  return values;
}

Values run_bits() {
  const DeviceArray<std::uint32_t> x(random_numbers<std::uint32_t>(128, 17, 0, 4e9)), y(128 * 8);
  launch_one(Bits{x, y}, 2);
  Values values;
  append(values, y);
  return values;
}

Values run_histogram() {
  const DeviceArray<std::int32_t> x(random_numbers<std::int32_t>(640, 18, 0, 1e6));
  const DeviceArray<unsigned> counts(std::vector<unsigned>(8, 0));
  const DeviceArray<int> greatest(std::vector<int>(1, -5));
  launch_one(Histogram{x, counts, greatest}, 10);
  Values values;
  append(values, counts);
  append(values, greatest);
  return values;
}

Values run_warps() {
  const DeviceArray<std::int32_t> x(random_numbers<std::int32_t>(128, 19, 0, 110));
  const DeviceArray<std::uint32_t> y(128 * 8);
  launch_one(Warps{x, y}, 2);
  Values values;
  append(values, y);
  return values;
}

Values run_vectors() {
  const std::vector<float> f = random_numbers<float>(256, 20, -5, 5);
  const std::vector<double> d = random_numbers<double>(128, 21, -5, 5);
  const std::vector<unsigned char> u = random_numbers<unsigned char>(256, 22, 0, 255);
  const std::vector<short> s = random_numbers<short>(128, 23, -3e4, 3e4);
  const DeviceArray<float> x(f), y(256);
  const DeviceArray<double> g(d), e(128);
  const DeviceArray<unsigned char> b(u), v(256);
  const DeviceArray<short> h(s), r(128);
  launch_one(Vectors{reinterpret_cast<const float4*>(x.data()), reinterpret_cast<float4*>(y.data()),
                     reinterpret_cast<const double2*>(g.data()), reinterpret_cast<double2*>(e.data()),
                     reinterpret_cast<const uchar4*>(b.data()), reinterpret_cast<uchar4*>(v.data()),
                     reinterpret_cast<const short2*>(h.data()), reinterpret_cast<short2*>(r.data())},
             1);
  Values values;
  append(values, y);
  append(values, e);
  append(values, v);
  append(values, r);
  return values;
}

Values run_conversions() {
  const DeviceArray<double> x(random_numbers<double>(128, 24, -100, 100)), y(128 * 12);
  launch_one(Conversions{x, y}, 2);
  Values values;
  append(values, y);
  return values;
}

BOOST_AUTO_TEST_SUITE(ptx_kernels)

BOOST_AUTO_TEST_CASE(elementwise_kernels_alone_and_many_at_once) {
  compare(kFloat, run_affine<float>);
  compare(kDouble, run_affine<double>);
  compare(kFloat, run_many_affine);
}

BOOST_AUTO_TEST_CASE(sums_by_shuffles_and_by_a_tree_in_shared_memory) {
  compare(kExact, run_row_sum);
  compare(kExact, run_tree_sum);
}

BOOST_AUTO_TEST_CASE(depthwise_convolution_from_a_tile) {
  compare(kFloat, [] { return run_depthwise(3); });
}

BOOST_AUTO_TEST_CASE(integers_are_exact) {
  compare(kExact, run_divide);
  compare(kExact, run_bits);
  compare(kExact, run_sort);
}

BOOST_AUTO_TEST_CASE(philox_and_uniform_numbers_are_exact) {
  compare(kExact, run_philox);
}

BOOST_AUTO_TEST_CASE(choices_between_functions) {
  compare(kFloat, run_switch);
}

BOOST_AUTO_TEST_CASE(functions_of_the_library) {
  compare(kFloat, run_functions<float>);
  compare(4 * kDouble, run_functions<double>);
}

BOOST_AUTO_TEST_CASE(bfloat16_by_bits_is_exact) {
  compare(kExact, run_round_to_bfloat16);
}

BOOST_AUTO_TEST_CASE(tables_and_called_functions) {
  compare(kFloat, run_tables);
}

BOOST_AUTO_TEST_CASE(atomics_count_exactly) {
  compare(kExact, run_histogram);
}

BOOST_AUTO_TEST_CASE(warps_vote_and_shuffle_exactly) {
  compare(kExact, run_warps);
}

BOOST_AUTO_TEST_CASE(vectors_and_conversions) {
  compare(kExact, run_vectors);
  compare(kExact, run_conversions);
}

using Change = std::function<std::string(std::string)>;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  BOOST_TEST(text.find(from) != std::string::npos, "nothing to change: no " << from);
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// Are the results of changed PTX others than those of the compiled kernel, or is a fault reported?
bool is_noticed(const std::string& file, const Change& change, const std::function<Values()>& run) {
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const test::TemporaryFolder folder;
  const std::string changed = folder.path() / "changed.ptx";
  std::ofstream(changed) << change(text);
  emu::tracks_bytes = false;
  const Values compiled = run();
  ockham::emutest::KeptReports reports;
  emu::ptx::load(changed);
  const Values interpreted = run();
  emu::ptx::unload();
  const bool is_reported = !emu::take_reports().empty();
  return is_reported || distance(compiled, interpreted) > kFloat;
}

BOOST_AUTO_TEST_CASE(changes_to_the_ptx_are_noticed) {
  const Change none = [](std::string text) { return text; };
  const Change no_barriers = [](std::string text) { return replaced(std::move(text), "bar.sync", "//"); };
  const Change other_distance = [](std::string text) {
    const std::size_t kernel = text.find(".entry _ZN11ptx_kernels7run_oneINS_6RowSumE");
    BOOST_REQUIRE(kernel != std::string::npos);
    const std::regex first_shuffle("(shfl.sync.down.b32[^,]*,[^,]*, )[^,]*,");
    const std::string changed =
        std::regex_replace(text.substr(kernel), first_shuffle, "$013,", std::regex_constants::format_first_only);
    BOOST_TEST(changed != text.substr(kernel), "nothing to change: no shuffle");
    return text.substr(0, kernel) + changed;
  };
  const Change with_equality = [](std::string text) {
    return replaced(replaced(std::move(text), "setp.lt.", "setp.le."), "setp.ge.", "setp.gt.");
  };
  for (const std::string& file : ptx_files()) {
    for (const auto& run : {run_row_sum, run_tree_sum, run_histogram}) {
      BOOST_TEST(!is_noticed(file, none, run), file);
      BOOST_TEST(is_noticed(file, no_barriers, run), file);
    }
    BOOST_TEST(is_noticed(file, no_barriers, [] { return run_depthwise(1); }), file);
    BOOST_TEST(is_noticed(file, other_distance, run_row_sum), file);
    BOOST_TEST(is_noticed(file, with_equality, run_affine<float>), file);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ptx_kernels
