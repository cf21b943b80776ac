// Which products cuBLAS does, and how it multiplies in each math mode.
#include "autograd/device_passes.h"
#include "autograd/gradcheck/point.h"
#include "ops/conv2d/conv2d_op.h"
#include "ops/conv_unit/conv_unit_op.h"
#include "ops/linear/linear_op.h"
#include "tests/cuda/agreement.h"

namespace ockham {
namespace {

Tensor drawn(const Shape& shape, std::uint64_t stream, DType dtype = DType::kFloat32) {
  return gradcheck::noise(shape, 1, stream).to(dtype).to(test::kCuda);
}

std::int64_t products_so_far() {
  return backend_of(test::kCuda).library_products(0);
}

Tensor forward(const Op& op, const Tensor& x, const Tensor& w, Saved& saved) {
  const Spec specs[] = {x.spec(), w.spec()};
  Tensor y(op.infer(specs)[0], test::kCuda);
  const Tensor inputs[] = {x, w};
  run_forward(op, inputs, {&y, 1}, saved);
  return y;
}

Tensor forward(const Op& op, const Tensor& x, const Tensor& w) {
  Saved saved;
  return forward(op, x, w, saved);
}

/// Those that a forward pass of x and w takes.
std::int64_t products_of(const Op& op, const Shape& x, const Shape& w, DType dtype = DType::kFloat32) {
  const std::int64_t before = products_so_far();
  forward(op, drawn(x, 1, dtype), drawn(w, 2, dtype));
  return products_so_far() - before;
}

std::vector<float> values_of(const Tensor& t) {
  const Tensor here = t.to(Device{});
  return {here.span<float>().begin(), here.span<float>().end()};
}

/// Largest difference over the largest entry.
double difference(const Tensor& a, const Tensor& b) {
  return gradcheck::distance({a.to(Device{}).to(DType::kFloat64)}, {b.to(Device{}).to(DType::kFloat64)});
}

const Conv2d kPoint({});

BOOST_AUTO_TEST_SUITE(products)

OCKHAM_CUDA_TEST(cublas_multiplies_by_wide_weights_alone) {
  BOOST_TEST(products_of(kPoint, {2, 128, 3, 4}, {128, 128, 1, 1}) == 1);
  BOOST_TEST(products_of(Linear(), {3, 128}, {128, 128}) == 1);
  BOOST_TEST(products_of(kPoint, {2, 128, 3, 4}, {127, 128, 1, 1}) == 0);
  BOOST_TEST(products_of(kPoint, {2, 127, 3, 4}, {128, 127, 1, 1}) == 0);
  BOOST_TEST(products_of(Linear(), {3, 512}, {10, 512}) == 0);
  BOOST_TEST(products_of(Conv2d({.stride = 2}), {2, 128, 3, 4}, {128, 128, 1, 1}) == 0);
  BOOST_TEST(products_of(Conv2d({.pad = 1}), {2, 128, 3, 4}, {128, 128, 1, 1}) == 0);
  BOOST_TEST(products_of(Conv2d({.groups = 2}), {2, 256, 3, 4}, {256, 128, 1, 1}) == 0);
}

OCKHAM_CUDA_TEST(tf32_is_for_weights_of_32_channels_and_floats) {
  const MathModeScope mode(test::kCuda, MathMode::kTf32);
  BOOST_TEST(products_of(kPoint, {2, 32, 3, 4}, {32, 32, 1, 1}) == 1);
  BOOST_TEST(products_of(kPoint, {2, 31, 3, 4}, {32, 31, 1, 1}) == 0);
  BOOST_TEST(products_of(kPoint, {2, 32, 3, 4}, {32, 32, 1, 1}, DType::kFloat64) == 0);
}

OCKHAM_CUDA_TEST(modes_round_the_factors_of_products_as_they_say) {
  const Tensor x = drawn({3, 128, 2, 3}, 1), w = drawn({128, 128, 1, 1}, 2);
  const Tensor exact = forward(kPoint, x.to(DType::kFloat64), w.to(DType::kFloat64));
  BOOST_TEST(difference(forward(kPoint, x, w), exact) < 1e-6);
  {
    const MathModeScope mode(test::kCuda, MathMode::kTf32);
    const double error = difference(forward(kPoint, x, w), exact);
    BOOST_TEST(error > 1e-5);
    BOOST_TEST(error < 0x1p-9);
  }
  BOOST_TEST(difference(forward(kPoint, x, w), exact) < 1e-6);
}

OCKHAM_CUDA_TEST(passes_by_tf32_are_those_of_the_cpu_to_ten_bits) {
  for (const OpCase& op_case : OpRegistry::instance().cases()) {
    if (op_case.name != "conv2d" && op_case.name != "conv_unit" && op_case.name != "linear")
      continue;
    int samples = 0;
    for (const OpSample& sample : op_case.samples) {
      samples += check_on_device(sample, CheckFormat::kTf32, test::kCuda).empty() ? 0 : 1;
      test::check_agreement(sample, CheckFormat::kTf32, op_case.name);
    }
    BOOST_TEST(samples == 1, op_case.name);
  }
}

OCKHAM_CUDA_TEST(a_recorded_step_keeps_the_mode_that_it_was_recorded_in) {
  const Tensor x = drawn({3, 128, 2, 3}, 1), w = drawn({128, 128, 1, 1}, 2);
  const auto recorded_in = [&](MathMode mode, Tensor& y) {
    const MathModeScope scope(test::kCuda, mode);
    return backend_of(test::kCuda).record(0, [&] { y = forward(kPoint, x, w); });
  };
  Tensor exact, rounded;
  const auto by_fp32 = recorded_in(MathMode::kFp32, exact);
  const auto by_tf32 = recorded_in(MathMode::kTf32, rounded);
  by_tf32->run();
  by_fp32->run();
  const std::vector<float> eager = values_of(forward(kPoint, x, w));
  BOOST_TEST((values_of(exact) == eager));
  BOOST_TEST((values_of(rounded) != eager));
}

OCKHAM_CUDA_TEST(a_direction_has_the_same_bits_however_many_there_are) {
  constexpr std::int64_t kD = 3;
  const auto check = [&](const Op& op, const Shape& x_shape, const Shape& w_shape) {
    Saved saved;
    const Tensor y = forward(op, drawn(x_shape, 1), drawn(w_shape, 2), saved);
    const Tensor dots[] = {drawn(with_directions(x_shape, kD), 3), drawn(with_directions(w_shape, kD), 4)};
    const Tensor y_bar = drawn(with_directions(y.shape(), kD), 5);
    const auto run = [&](std::int64_t D, std::int64_t first) {
      const auto some = [&](const Tensor& t) {
        const std::int64_t rows = t.size(0) / kD;
        return t.slice(0, first * rows, (first + D) * rows).contiguous();
      };
      const Tensor x_dot[] = {some(dots[0]), some(dots[1])};
      std::vector<Tensor> results{Tensor(with_directions(y.shape(), D), DType::kFloat32, test::kCuda),
                                  Tensor(with_directions(x_shape, D), DType::kFloat32, test::kCuda),
                                  Tensor(with_directions(w_shape, D), DType::kFloat32, test::kCuda)};
      run_jvp(op, saved, D, x_dot, {results.data(), 1});
      GradSlot slots[] = {{&results[1]}, {&results[2]}};
      const Tensor bar = some(y_bar);
      run_vjp(op, saved, D, {&bar, 1}, slots);
      return results;
    };
    const std::vector<Tensor> all = run(kD, 0);
    for (std::int64_t d = 0; d < kD; ++d) {
      const std::vector<Tensor> one = run(1, d);
      for (std::size_t i = 0; i < all.size(); ++i) {
        const std::int64_t rows = all[i].size(0) / kD;
        BOOST_TEST((values_of(all[i].slice(0, d * rows, (d + 1) * rows).contiguous()) == values_of(one[i])));
      }
    }
  };
  check(kPoint, {2, 128, 3, 1}, {129, 128, 1, 1});
  check(Linear(), {5, 130}, {128, 130});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
