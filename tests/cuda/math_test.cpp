// The arithmetic of math.h, allocator and transfers on the device, against the CPU's.
#include "engine/math.h"

#include <cmath>
#include <limits>

#include "engine/device_math.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "tests/cuda/device.h"

namespace ockham {
namespace {

Tensor drawn(const Shape& shape, DType dtype, std::uint64_t step = 0) {
  Tensor x(shape, DType::kFloat64);
  fill_normal(x, {.seed = 5, .step = step});
  return x.to(dtype);
}

template <class T>
void require_equal(const Tensor& device, const Tensor& host) {
  const Tensor here = device.to(Device{});
  BOOST_TEST((here.spec() == host.spec()));
  BOOST_TEST(here.span<T>() == host.contiguous().span<T>(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE(math)

OCKHAM_CUDA_TEST(tensors_go_there_and_back_with_all_their_bytes) {
  const Tensor x = drawn({3, 5, 7}, DType::kFloat32);
  const Tensor there = x.to(test::kCuda);
  BOOST_TEST((there.device() == test::kCuda));
  require_equal<float>(there, x);
  require_equal<float>(x.transpose(0, 2).to(test::kCuda), x.transpose(0, 2));
  require_equal<float>(there.transpose(0, 2).to(Device{}), x.transpose(0, 2));
  BOOST_TEST(there.slice(0, 1, 2).slice(1, 2, 3).slice(2, 3, 4).item() ==
             static_cast<double>(x.data<float>()[35 + 14 + 3]));
}

OCKHAM_CUDA_TEST(uploads_of_any_size_follow_each_other_while_the_host_changes_its_bytes) {
  std::vector<Tensor> there;
  Tensor x({1 << 20}, DType::kFloat32);
  for (std::int64_t n : {1, 1000, 1 << 20, 10, 1 << 20, 3}) {
    Tensor part = x.slice(0, 0, n);
    fill(part, static_cast<double>(n) + static_cast<double>(there.size()));
    there.push_back(part.to(test::kCuda));
  }
  fill(x, -1.0);
  for (std::size_t i = 0; i < there.size(); ++i) {
    const Tensor here = there[i].to(Device{});
    const auto wanted = static_cast<float>(here.numel() + static_cast<std::int64_t>(i));
    BOOST_TEST(std::ranges::all_of(here.span<float>(), [&](float v) { return v == wanted; }));
  }
}

OCKHAM_CUDA_TEST(the_host_cannot_read_elements_that_are_not_its_own) {
  const Tensor there = drawn({2, 3}, DType::kFloat32).to(test::kCuda);
  BOOST_CHECK_EXCEPTION((void)there.data<float>(), DeviceError,
                        (test::Says{{"float32[2,3]", "cuda:0", "to(Device{})"}}));
}

OCKHAM_CUDA_TEST(fill_axpy_and_scale_are_those_of_the_cpu_to_the_bit) {
  for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (std::int64_t n : {0, 1, 255, 1024, 1025, 5000}) {
      const Tensor x = drawn({n}, dtype);
      Tensor y = drawn({n}, dtype, 1);
      Tensor there = y.to(test::kCuda);
      axpy(0.3, x.to(test::kCuda), there);
      scale(there, 1.7);
      axpy(0.3, x, y);
      scale(y, 1.7);
      visit_float(dtype, "test", [&]<class T>() { require_equal<T>(there, y); });
      fill(there, 0.1);
      fill(y, 0.1);
      visit_float(dtype, "test", [&]<class T>() { require_equal<T>(there, y); });
    }
  }
}

OCKHAM_CUDA_TEST(copies_convert_as_the_cpu_does) {
  Tensor x =
      Tensor::from<double>({0.5, 1.5, -2.5, 300.0, -1.0, 1e30, -1e30, std::nan(""), 254.6, 0x1p63, 1.00390625}, {11});
  for (DType from : {DType::kFloat64, DType::kFloat32, DType::kBFloat16}) {
    const Tensor source = x.to(from);
    for (DType to : {DType::kFloat64, DType::kFloat32, DType::kBFloat16, DType::kInt64, DType::kUInt8}) {
      const Tensor here = source.to(to);
      const Tensor there = source.to(test::kCuda).to(to).to(Device{});
      BOOST_TEST_CONTEXT(from << " to " << to) {
        const auto* const a = reinterpret_cast<const unsigned char*>(here.device_bytes());
        const auto* const b = reinterpret_cast<const unsigned char*>(there.device_bytes());
        // A NaN need not keep its payload.
        for (std::size_t i = 0; i < here.nbytes(); ++i) {
          if (is_compute_type(to) && i / size_of(to) == 7)
            continue;
          BOOST_TEST(int{a[i]} == int{b[i]});
        }
      }
    }
  }
  const Tensor integers = Tensor::from<std::int64_t>({-5, 0, 255, 256, 1LL << 40}, {5});
  require_equal<std::uint8_t>(integers.to(test::kCuda).to(DType::kUInt8), integers.to(DType::kUInt8));
  require_equal<double>(integers.to(test::kCuda).to(DType::kFloat64), integers.to(DType::kFloat64));
}

OCKHAM_CUDA_TEST(sums_are_in_double_and_the_same_every_time) {
  const Tensor x = drawn({7, 3000}, DType::kFloat32);
  const Tensor y = drawn({7, 3000}, DType::kFloat32, 1);
  const Tensor x_there = x.to(test::kCuda);
  const Tensor y_there = y.to(test::kCuda);
  BOOST_TEST(sum(x_there) == sum(x), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(sum(x_there) == sum(x_there));
  const std::vector<double> here = grouped_dot(x, y, 7);
  BOOST_TEST(grouped_dot(x_there, y_there, 7) == here, boost::test_tools::tolerance(1e-12)
                                                           << boost::test_tools::per_element());
  BOOST_TEST(max_abs(x_there) == max_abs(x));
}

OCKHAM_CUDA_TEST(the_largest_of_numbers_with_a_nan_is_nan) {
  for (std::int64_t at : {0, 100, 4999}) {
    Tensor x = drawn({5000}, DType::kFloat32);
    x.data<float>()[at] = std::numeric_limits<float>::quiet_NaN();
    BOOST_TEST(std::isnan(max_abs(x.to(test::kCuda))));
    BOOST_TEST(!is_finite(x.to(test::kCuda)));
  }
}

OCKHAM_CUDA_TEST(channels_are_multiplied) {
  const Tensor x = drawn({2, 3, 5, 4}, DType::kFloat64);
  const Tensor factor = drawn({3}, DType::kFloat64, 1);
  require_equal<double>(times_channels(x.to(test::kCuda), factor.to(test::kCuda)), times_channels(x, factor));
}

OCKHAM_CUDA_TEST(more_terms_than_a_launch_takes_are_added_in_their_order) {
  for (const std::int64_t n : {1003, 2048}) {  // element by element, and several at once
    Tensor y = drawn({n}, DType::kFloat32);
    Tensor there = y.to(test::kCuda);
    std::vector<Tensor> terms;
    for (std::uint64_t k = 1; k <= 35; ++k) {
      const Tensor x = drawn({n}, DType::kFloat32, k);
      terms.push_back(x.to(test::kCuda));
      axpy(1.0, x, y);
    }
    add_all_on(test::kCuda, terms, there);
    require_equal<float>(there, y);
  }
}

OCKHAM_CUDA_TEST(tensors_on_two_devices_are_told_apart) {
  const Tensor x = drawn({3}, DType::kFloat32);
  Tensor there = x.to(test::kCuda);
  BOOST_CHECK_EXCEPTION(axpy(1.0, x, there), DeviceError, (test::Says{{"axpy", "cpu", "cuda:0"}}));
}

OCKHAM_CUDA_TEST(a_loop_asks_the_driver_for_nothing_after_its_first_round) {
  Backend& backend = backend_of(test::kCuda);
  const auto round = [] {
    Tensor x = Tensor::full({1000, 100}, 1.0, DType::kFloat32, test::kCuda);
    const Tensor y = x.clone();
    axpy(1.0, y, x);
  };
  round();
  const std::uint64_t asked = backend.statistics(0).system_allocations;
  for (int i = 0; i < 5; ++i)
    round();
  if (std::getenv("OCKHAM_NO_CACHE") == nullptr)
    BOOST_TEST(backend.statistics(0).system_allocations == asked);
}

OCKHAM_CUDA_TEST(memory_that_the_device_lacks_is_refused_with_the_numbers) {
  BOOST_CHECK_EXCEPTION(Tensor({1LL << 44}, DType::kFloat32, test::kCuda), Error,
                        (test::Says{{"cuda memory", "70368744177664", "in use", "--batch-size"}}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
