#include "ops/dropout/dropout.h"

#include <cmath>

#include "engine/parallel.h"
#include "ops/ops.h"
#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;

namespace {

const RandomKey kKey{.seed = 5, .purpose = Purpose::kDropout, .step = 9};

Tensor ones(const Shape& shape) {
  return Tensor::full(shape, 1.0, DType::kFloat64);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dropout)

BOOST_AUTO_TEST_CASE(keeps_the_share_it_should_and_the_expectation) {
  constexpr double kP = 0.3;
  constexpr std::int64_t kCount = 40000;
  const Tensor y = ockham::dropout(ones({kCount}), kP, kKey).value();
  double kept = 0.0;
  for (double v : y.span<double>()) {
    BOOST_TEST((v == 0.0 || v == 1.0 / (1.0 - kP)));
    kept += v > 0.0 ? 1.0 : 0.0;
  }
  // Four standard deviations of a binomial share.
  BOOST_TEST(std::abs(kept / kCount - (1.0 - kP)) < 4.0 * std::sqrt(kP * (1.0 - kP) / kCount));
}

BOOST_AUTO_TEST_CASE(the_mask_is_a_function_of_the_key_alone) {
  const Tensor x = ones({5000});
  const Tensor y = ockham::dropout(x, 0.5, kKey).value();
  const int before = thread_count();
  set_thread_count(1);
  const Tensor again = ockham::dropout(x, 0.5, kKey).value();
  set_thread_count(before);
  BOOST_TEST(test::difference(y, again) == 0.0);
  RandomKey next = kKey;
  ++next.step;
  BOOST_TEST(test::difference(y, ockham::dropout(x, 0.5, next).value()) > 0.0);
}

BOOST_AUTO_TEST_CASE(backward_uses_the_mask_of_forward_in_every_direction) {
  const Tensor y = ockham::dropout(ones({7, 3}), 0.5, kKey).value();
  const test::Recorded run({ones({7, 3})}, [](auto x) { ockham::dropout(x[0], 0.5, kKey); });
  const Tensor x_bar = run.vjp(2, ones({14, 3}))[0];
  BOOST_TEST(test::difference(x_bar.slice(0, 0, 7).clone(), y) == 0.0);
  BOOST_TEST(test::difference(x_bar.slice(0, 7, 14).clone(), y) == 0.0);
}

BOOST_AUTO_TEST_CASE(drop_path_takes_whole_samples_and_channel_dropout_whole_channels) {
  const Tensor x = ones({20, 6, 2, 2});
  const Tensor paths = drop_path(x, 0.5, kKey).value();
  const Tensor channels = channel_dropout(x, 0.5, kKey).value();
  bool channels_of_a_sample_differ = false;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    BOOST_TEST(paths.data<double>()[i] == paths.data<double>()[i / 24 * 24]);
    BOOST_TEST(channels.data<double>()[i] == channels.data<double>()[i / 4 * 4]);
    channels_of_a_sample_differ |= channels.data<double>()[i] != channels.data<double>()[i / 24 * 24];
  }
  BOOST_TEST(channels_of_a_sample_differ);
}

BOOST_AUTO_TEST_CASE(probability_zero_is_the_identity_and_costs_nothing) {
  const Tensor x = ones({3, 2});
  BOOST_TEST(ockham::dropout(x, 0.0, kKey).value().shares_storage_with(x));
  BOOST_TEST(drop_path(x, 0.0, kKey).value().shares_storage_with(x));
  BOOST_TEST(channel_dropout(x, 0.0, kKey).value().shares_storage_with(x));
}

BOOST_AUTO_TEST_CASE(a_dropped_nan_is_gone) {
  const Tensor y = drop_path(Tensor::full({64, 2}, std::nan(""), DType::kFloat64), 0.5, kKey).value();
  std::int64_t zeros = 0;
  for (double v : y.span<double>())
    zeros += v == 0.0 ? 1 : 0;
  BOOST_TEST(zeros > 0);
  BOOST_TEST(zeros < 128);
}

BOOST_AUTO_TEST_SUITE_END()
