#include "ops/conv2d/conv2d.h"

#include <array>
#include <cmath>
#include <limits>

#include "engine/gemm.h"
#include "engine/parallel.h"
#include "engine/random.h"
#include "ops/conv2d/conv2d_kernels.h"
#include "ops/conv2d/conv2d_ref.h"
#include "ops/conv2d/conv2d_winograd.h"
#include "tests/levels.h"

BOOST_AUTO_TEST_SUITE(conv2d)
using namespace ockham;
using cpu::Conv2dKernel;
using cpu::Conv2dSize;

namespace {

Conv2dSize sized(std::int64_t C, std::int64_t K, std::int64_t R, std::int64_t S, std::int64_t stride, std::int64_t pad,
                 std::int64_t dilation, std::int64_t groups) {
  const std::int64_t H = 7, W = 9 + stride;
  const std::int64_t P = (H + 2 * pad - dilation * (R - 1) - 1) / stride + 1;
  const std::int64_t Q = (W + 2 * pad - dilation * (S - 1) - 1) / stride + 1;
  return {2, C, H, W, K, R, S, P, Q, stride, pad, dilation, groups};
}

/// Kernels, strides, paddings, dilations and groups on odd planes: every `step`-th combination.
std::vector<Conv2dSize> sweep(std::size_t step) {
  // A dilation that shares a factor with the stride and one that does not, more filters than one task takes, padding
  // beyond the kernel.
  std::vector<Conv2dSize> result{sized(17, 50, 3, 3, 1, 1, 1, 1), sized(9, 50, 3, 2, 2, 0, 2, 1),
                                 sized(3, 3, 3, 3, 2, 3, 3, 3),   sized(2, 4, 3, 3, 3, 3, 3, 2),
                                 sized(2, 3, 2, 2, 4, 5, 2, 1),   sized(3, 2, 1, 2, 3, 2, 4, 1)};
  std::size_t number = 0;
  for (auto [R, S] : {std::pair{1, 1}, {3, 3}, {5, 5}, {2, 3}, {4, 1}}) {
    for (std::int64_t stride : {1, 2, 3}) {
      for (std::int64_t pad : {0, 1, 4}) {
        for (std::int64_t dilation : {1, 2}) {
          if (7 + 2 * pad <= dilation * (R - 1))
            continue;
          for (auto [C, K, groups] : {std::array{3, 5, 1}, {1, 1, 1}, {4, 4, 4}, {4, 6, 2}, {3, 6, 3}}) {
            if (number++ % step == 0)
              result.push_back(sized(C, K, R, S, stride, pad, dilation, groups));
          }
        }
      }
    }
  }
  return result;
}

template <class T>
std::vector<T> draw(std::int64_t count, std::uint64_t stream) {
  std::vector<T> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<T>(uniform({.seed = 7, .purpose = Purpose::kTest, .step = stream}, i) - 0.5);
  return result;
}

template <class T>
struct Results {
  std::vector<T> y, x_bar, w_bar;
  std::vector<double> h;
};

/// All passes of a kernel: overwriting NaN with beta 0, adding to ones with beta 1.
template <class T>
Results<T> run(const Conv2dKernel<T>& kernel, const Conv2dSize& s, T beta) {
  const T start = beta == T(0) ? std::numeric_limits<T>::quiet_NaN() : T(1);
  const std::int64_t D = 2;
  const auto x = draw<T>(s.N * s.x_sample(), 1), w = draw<T>(s.w_numel(), 2), g = draw<T>(D * s.N * s.y_sample(), 3);
  auto filled = [&](std::int64_t count) { return std::vector<T>(static_cast<std::size_t>(count), start); };
  Results<T> r{filled(s.N * s.y_sample()), filled(s.N * s.x_sample()), filled(s.w_numel()),
               std::vector<double>(static_cast<std::size_t>(s.w_numel()), 1.0)};
  kernel.forward(s, x.data(), w.data(), beta, r.y.data());
  kernel.input_gradient(s, g.data(), w.data(), beta, r.x_bar.data());
  kernel.weight_gradient(s, x.data(), g.data(), beta, r.w_bar.data());
  kernel.weight_squares(s, D, x.data(), g.data(), r.h.data());
  return r;
}

template <class A>
double distance(const std::vector<A>& a, const std::vector<A>& b) {
  double worst = a.size() == b.size() ? 0.0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double error = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(error <= worst))  // also where it is NaN
      worst = error;
  }
  return worst;
}

template <class T>
void check_sweep(T beta, std::size_t step) {
  const Conv2dKernel<T> reference = cpu::reference_conv2d<T>();
  // Sums of at most 450 products of numbers below 1/2, and squares of sums of at most 260.
  const double tolerance = 200 * std::numeric_limits<T>::epsilon();
  for (const Conv2dSize& s : sweep(step)) {
    const Results<T> want = run(reference, s, beta);
    for (const Conv2dKernel<T>& kernel : cpu::conv2d_kernels<T>()) {
      if (!kernel.fits(s))
        continue;
      const Results<T> got = run(kernel, s, beta);
      const std::string where =
          concat(kernel.name, " C ", s.C, " K ", s.K, " kernel ", s.R, "x", s.S, " stride ", s.stride, " pad ", s.pad,
                 " dilation ", s.dilation, " groups ", s.groups, " width ", s.W);
      BOOST_CHECK_MESSAGE(distance(got.y, want.y) <= tolerance, where << ": forward");
      BOOST_CHECK_MESSAGE(distance(got.x_bar, want.x_bar) <= tolerance, where << ": input gradient");
      BOOST_CHECK_MESSAGE(distance(got.w_bar, want.w_bar) <= tolerance, where << ": weight gradient");
      BOOST_CHECK_MESSAGE(distance(got.h, want.h) <= tolerance, where << ": weight squares");
    }
  }
}

/// Tiles cut by the edge of the plane, channels that fill no block, paddings, dilations that leave planes of unlike
/// sizes, strides that leave pixels out, several blocks of samples.
std::vector<Conv2dSize> winograd_sweep() {
  std::vector<Conv2dSize> result;
  for (auto [R, stride, pad, dilation] : {std::array{3, 1, 1, 1},
                                          {3, 1, 0, 1},
                                          {3, 1, 2, 1},
                                          {3, 1, 2, 2},
                                          {3, 1, 3, 3},
                                          {5, 1, 2, 1},
                                          {5, 1, 4, 1},
                                          {5, 1, 4, 2},
                                          {5, 1, 3, 2},
                                          {3, 1, 0, 3},
                                          {3, 2, 2, 2},
                                          {3, 2, 1, 2},
                                          {5, 2, 4, 2},
                                          {5, 2, 3, 2},
                                          {3, 3, 3, 3},
                                          {3, 2, 4, 4}}) {
    for (auto [C, K] : {std::pair{3, 5}, {17, 50}})
      result.push_back(sized(C, K, R, R, stride, pad, dilation, 1));
  }
  result.push_back({70, 20, 16, 16, 33, 3, 3, 16, 16, 1, 1, 1, 1});
  result.push_back({40, 33, 16, 16, 20, 5, 5, 16, 16, 1, 4, 2, 1});
  return result;
}

template <class T>
void check_winograd(T beta, double tolerance) {
  const Conv2dKernel<T> winograd = cpu::winograd_kernel<T>(), reference = cpu::reference_conv2d<T>();
  for (const Conv2dSize& s : winograd_sweep()) {
    BOOST_REQUIRE(cpu::takes_winograd(s));
    const Results<T> got = run(winograd, s, beta), want = run(reference, s, beta);
    const std::string where =
        concat("C ", s.C, " K ", s.K, " kernel ", s.R, " pad ", s.pad, " dilation ", s.dilation, " samples ", s.N);
    BOOST_CHECK_MESSAGE(distance(got.y, want.y) <= tolerance, where << ": forward " << distance(got.y, want.y));
    BOOST_CHECK_MESSAGE(distance(got.x_bar, want.x_bar) <= tolerance,
                        where << ": input gradient " << distance(got.x_bar, want.x_bar));
    // Sums over 70 samples of 256 pixels are tens of times larger.
    BOOST_CHECK_MESSAGE(distance(got.w_bar, want.w_bar) <= 10 * tolerance,
                        where << ": weight gradient " << distance(got.w_bar, want.w_bar));
  }
}

Tensor noise(const Shape& shape, std::uint64_t stream) {
  Tensor t(shape, DType::kFloat64);
  fill_normal(t, {.seed = 3, .purpose = Purpose::kTest, .step = stream});
  return t;
}

void check_close(const Tensor& a, const Tensor& b) {
  BOOST_REQUIRE(a.shape() == b.shape());
  for (std::int64_t i = 0; i < a.numel(); ++i)
    BOOST_REQUIRE_SMALL(a.data<double>()[i] - b.data<double>()[i], 1e-12);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_kernel_equals_the_definition_in_float32) {
  check_sweep<float>(0.0f, 1);
}

BOOST_AUTO_TEST_CASE(every_kernel_equals_the_definition_in_float64) {
  check_sweep<double>(0.0, 1);
}

BOOST_AUTO_TEST_CASE(every_kernel_adds_where_it_is_asked_to) {
  check_sweep<double>(1.0, 3);
}

BOOST_AUTO_TEST_CASE(every_instruction_set_equals_the_definition) {
  test::at_every_level([](std::string_view) { check_sweep<float>(1.0f, 7); });
}

BOOST_AUTO_TEST_CASE(winograd_equals_the_definition_in_float64) {
  check_winograd<double>(0.0, 1e-12);
  check_winograd<double>(1.0, 1e-12);
}

// The transforms multiply rounding errors by their own sizes: about ten times those of a sum as written.
BOOST_AUTO_TEST_CASE(winograd_equals_the_definition_in_float32_at_every_instruction_set) {
  test::at_every_level([](std::string_view) { check_winograd<float>(1.0f, 1e-4); });
}

BOOST_AUTO_TEST_CASE(winograd_is_chosen_where_it_pays_and_never_when_sums_shall_be_precise) {
  const auto chosen = [](const Conv2dSize& s) { return cpu::conv2d_kernel<float>(s).name; };
  const Conv2dSize wide{18, 144, 8, 8, 144, 5, 5, 8, 8, 1, 4, 2, 1};
  BOOST_TEST(chosen(wide) == "winograd");
  BOOST_TEST(cpu::conv2d_kernel<double>(wide).name == "dense");
  const auto with_channels = [&](std::int64_t C, std::int64_t K) {
    Conv2dSize narrow = wide;
    narrow.C = C;
    narrow.K = K;
    return narrow;
  };
  BOOST_TEST(chosen(with_channels(8, 16)) == "winograd");
  BOOST_TEST(chosen(with_channels(16, 8)) == "winograd");
  BOOST_TEST(chosen(with_channels(7, 64)) == "dense");
  BOOST_TEST(chosen(with_channels(64, 7)) == "dense");
  BOOST_TEST(chosen(with_channels(11, 11)) == "dense");
  for (auto change :
       {+[](Conv2dSize& s) { s.N = 1; }, +[](Conv2dSize& s) { s.groups = 2; }, +[](Conv2dSize& s) { s.pad = 9; }}) {
    Conv2dSize other = wide;
    change(other);
    BOOST_TEST(chosen(other) == "dense");
  }
  set_precise_convolutions(true);
  BOOST_TEST(chosen(wide) == "dense");
  set_precise_convolutions(false);
}

BOOST_AUTO_TEST_CASE(dilation_two_equals_zero_stuffed_kernel) {
  const Tensor x = noise({2, 3, 9, 8}, 1), w = noise({4, 3, 3, 2}, 2);
  Tensor stuffed = Tensor::zeros({4, 3, 5, 3}, DType::kFloat64);
  for (std::int64_t f = 0; f < 12; ++f) {
    for (std::int64_t r = 0; r < 3; ++r) {
      for (std::int64_t s = 0; s < 2; ++s)
        stuffed.data<double>()[(f * 5 + 2 * r) * 3 + 2 * s] = w.data<double>()[(f * 3 + r) * 2 + s];
    }
  }
  check_close(ockham::conv2d(x, w, {.stride = 2, .pad = 3, .dilation = 2}).value(),
              ockham::conv2d(x, stuffed, {.stride = 2, .pad = 3}).value());
}

BOOST_AUTO_TEST_CASE(conv_by_1x1_is_matmul) {
  const Tensor x = noise({1, 6, 5, 7}, 1), w = noise({4, 6, 1, 1}, 2);
  Tensor y({1, 4, 5, 7}, DType::kFloat64);
  gemm_ref<double>(false, false, 4, 35, 6, w.data<double>(), 6, x.data<double>(), 35, 0.0, y.data<double>(), 35);
  check_close(ockham::conv2d(x, w).value(), y);
}

BOOST_AUTO_TEST_CASE(groups_are_separate_convolutions) {
  const Tensor x = noise({2, 6, 5, 4}, 1), w = noise({4, 3, 3, 3}, 2);
  const Tensor y = ockham::conv2d(x, w, {.pad = 1, .groups = 2}).value();
  for (std::int64_t g = 0; g < 2; ++g) {
    const Tensor part =
        ockham::conv2d(x.slice(1, 3 * g, 3 * g + 3).contiguous(), w.slice(0, 2 * g, 2 * g + 2).contiguous(), {.pad = 1})
            .value();
    check_close(part, y.slice(1, 2 * g, 2 * g + 2).contiguous());
  }
}

BOOST_AUTO_TEST_CASE(a_centred_delta_returns_its_input) {
  const Tensor x = noise({2, 3, 5, 4}, 1);
  Tensor w = Tensor::zeros({3, 1, 3, 3}, DType::kFloat64);
  for (std::int64_t c = 0; c < 3; ++c)
    w.data<double>()[c * 9 + 4] = 1.0;
  check_close(ockham::conv2d(x, w, {.pad = 1, .groups = 3}).value(), x);
}

BOOST_AUTO_TEST_CASE(one_and_two_threads_give_identical_bits) {
  // Sizes that every kernel cuts into several tasks.
  const Conv2dSize sizes[] = {{37, 32, 9, 11, 40, 1, 1, 9, 11, 1, 0, 1, 1},
                              {33, 32, 19, 21, 32, 5, 5, 10, 11, 2, 2, 1, 32},
                              {19, 12, 9, 11, 60, 3, 3, 9, 11, 1, 2, 2, 1},
                              {70, 20, 16, 16, 33, 3, 3, 16, 16, 1, 1, 1, 1}};
  const int threads = thread_count();
  for (const Conv2dSize& s : sizes) {
    for (const Conv2dKernel<float>& kernel : cpu::conv2d_kernels<float>()) {
      if (!kernel.fits(s))
        continue;
      set_thread_count(1);
      const Results<float> one = run(kernel, s, 0.0f);
      set_thread_count(2);
      const Results<float> two = run(kernel, s, 0.0f);
      BOOST_CHECK_MESSAGE(one.y == two.y && one.x_bar == two.x_bar && one.w_bar == two.w_bar && one.h == two.h,
                          kernel.name);
    }
  }
  set_thread_count(threads);
}

BOOST_AUTO_TEST_SUITE_END()
