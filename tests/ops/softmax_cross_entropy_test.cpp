#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

#include <cmath>
#include <limits>

#include "ops/ops.h"
#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;

namespace {

Tensor labels_of(std::initializer_list<std::int64_t> values) {
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())});
}

double loss_of(const Tensor& logits, const Tensor& labels, double smoothing = 0.0) {
  return ockham::softmax_cross_entropy(logits, labels, {.label_smoothing = smoothing}).value().item();
}

/// The recorded loss of some logits, as the LossOp that algorithm R sees.
struct Loss {
  Loss(const Tensor& logits, const Tensor& labels)
      : run({logits}, [&](auto x) { ockham::softmax_cross_entropy(x[0], labels); }) {}
  const LossOp& op() const { return dynamic_cast<const LossOp&>(run.op()); }
  Tensor factor(std::int64_t first, std::int64_t count) const {
    const Tensor& p = run.saved()[0];
    Tensor columns({count * p.size(0), p.size(1)}, DType::kFloat64);
    op().factor(run.saved(), first, count, columns);
    return columns;
  }
  test::Recorded run;
};

const double kMissing = -std::numeric_limits<double>::infinity();

/// Three samples of four classes: ordinary, two exact zeros, all mass on one class; with ties.
Tensor hard_logits() {
  return Tensor::from({0.3, -1.2, 0.3, 2.0, kMissing, 1.0, 1.0, kMissing, kMissing, kMissing, 5.0, kMissing}, {3, 4});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(softmax_cross_entropy)

BOOST_AUTO_TEST_CASE(loss_is_the_mean_negative_log_probability_of_the_label) {
  const Tensor logits = test::noise({4, 3}, 1);
  const Tensor y = log_softmax(logits).value();
  const double* v = y.data<double>();
  BOOST_TEST(std::abs(loss_of(logits, labels_of({2, 0, 1, 0})) + (v[2] + v[3] + v[7] + v[9]) / 4.0) < 1e-14);
}

BOOST_AUTO_TEST_CASE(label_smoothing_mixes_in_the_mean_loss_over_all_labels) {
  const Tensor logits = test::noise({2, 3}, 2);
  double over_all = 0.0;
  for (std::int64_t label : {0, 1, 2})
    over_all += loss_of(logits, labels_of({label, label})) / 3.0;
  const Tensor labels = labels_of({1, 0});
  const double mixed = 0.9 * loss_of(logits, labels) + 0.1 * over_all;
  BOOST_TEST(std::abs(loss_of(logits, labels, 0.1) - mixed) < 1e-14);
}

BOOST_AUTO_TEST_CASE(impossible_classes_cost_nothing_unless_they_are_the_label) {
  const Tensor logits = Tensor::from({kMissing, 0.0, 0.0}, {1, 3});
  BOOST_TEST(std::abs(loss_of(logits, labels_of({1})) - std::log(2.0)) < 1e-15);
  BOOST_TEST(std::isinf(loss_of(logits, labels_of({0}))));
}

BOOST_AUTO_TEST_CASE(a_label_outside_is_refused_with_sample_label_and_classes) {
  for (std::int64_t label : {3, -1})
    BOOST_CHECK_EXCEPTION(loss_of(test::noise({2, 3}, 3), labels_of({0, label})), Error,
                          (test::Says{{"sample 1", concat("label ", label).c_str(), "3 classes"}}));
}

BOOST_AUTO_TEST_CASE(factor_times_its_transpose_is_the_hessian_even_with_exact_zeros) {
  const Loss loss(hard_logits(), labels_of({0, 1, 2}));
  BOOST_REQUIRE(loss.op().factor_columns(loss.run.saved()) == 3);
  const Tensor columns = loss.factor(0, 3);
  BOOST_REQUIRE(is_finite(columns));
  const double* p = loss.run.saved()[0].data<double>();
  for (std::int64_t n = 0; n < 3; ++n) {
    for (std::int64_t a = 0; a < 4; ++a) {
      for (std::int64_t b = 0; b < 4; ++b) {
        double total = 0.0;
        for (std::int64_t k = 0; k < 3; ++k)
          total += columns.data<double>()[(k * 3 + n) * 4 + a] * columns.data<double>()[(k * 3 + n) * 4 + b];
        const double hessian = (a == b ? p[n * 4 + a] : 0.0) - p[n * 4 + a] * p[n * 4 + b];
        BOOST_TEST(std::abs(total - hessian / 3.0) < 1e-16);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(columns_asked_for_in_chunks_are_the_same) {
  const Loss loss(test::noise({5, 7}, 4), labels_of({0, 1, 2, 3, 4}));
  const Tensor all = loss.factor(0, 6);
  BOOST_TEST(test::difference(loss.factor(0, 2), all.slice(0, 0, 10)) == 0.0);
  BOOST_TEST(test::difference(loss.factor(2, 4), all.slice(0, 10, 30)) == 0.0);
}

BOOST_AUTO_TEST_CASE(a_truncated_factor_stays_below_and_within_its_certificate) {
  Tensor logits = test::noise({6, 8}, 5);
  scale(logits, 3.0);
  const Loss loss(logits, labels_of({0, 1, 2, 3, 4, 5}));
  const Tensor dz = test::noise({6, 8}, 6);
  const Tensor columns = loss.factor(0, 7);
  const double exact = loss.run.curvature(1, Tensor::full({1}, 1.0, DType::kFloat64), {dz})[0];
  double range = 0.0;  // largest difference of dz within a sample
  for (std::int64_t n = 0; n < 6; ++n) {
    const auto row = dz.span<double>().subspan(static_cast<std::size_t>(n) * 8, 8);
    const auto [low, high] = std::ranges::minmax(row);
    range = std::max(range, high - low);
  }
  double sum = 0.0;
  double tail = 1.0;
  for (std::int64_t r = 0; r <= 7; ++r) {
    BOOST_TEST(exact - sum >= -1e-14);
    BOOST_TEST(exact - sum <= 0.25 * loss.op().factor_tail(loss.run.saved(), r) * range * range + 1e-14);
    BOOST_TEST(loss.op().factor_tail(loss.run.saved(), r) <= tail + 1e-15);
    tail = loss.op().factor_tail(loss.run.saved(), r);
    for (std::int64_t n = 0; r < 7 && n < 6; ++n) {
      double product = 0.0;
      for (std::int64_t c = 0; c < 8; ++c)
        product += columns.data<double>()[(r * 6 + n) * 8 + c] * dz.data<double>()[n * 8 + c];
      sum += product * product;
    }
  }
  BOOST_TEST(std::abs(exact - sum) < 1e-14);
  BOOST_TEST(tail == 0.0);
}

BOOST_AUTO_TEST_CASE(recursion_seed_is_the_diagonal_of_the_hessian) {
  const Tensor logits = test::noise({3, 4}, 7);
  const Tensor labels = labels_of({3, 0, 2});
  const Loss loss(logits, labels);
  Tensor h(logits.spec());
  loss.op().recursion_seed(loss.run.saved(), h);
  const Tensor one = Tensor::full({1}, 1.0, DType::kFloat64);
  for (std::int64_t i = 0; i < 12; ++i) {
    const auto gradient_at = [&](double step) {
      Tensor moved = logits.clone();
      moved.data<double>()[i] += step;
      return Loss(moved, labels).run.vjp(1, one)[0].data<double>()[i];
    };
    // Central differences of step 1e-5: truncation 1e-10 times the third derivative, rounding 1e-16 / 1e-5.
    BOOST_TEST(std::abs(h.data<double>()[i] - (gradient_at(1e-5) - gradient_at(-1e-5)) / 2e-5) < 1e-10);
  }
}

BOOST_AUTO_TEST_CASE(hessian_does_not_depend_on_the_order_of_classes) {
  const Tensor logits = Tensor::from({0.5, -1.0, 2.0}, {1, 3});
  const Tensor permuted = Tensor::from({2.0, 0.5, -1.0}, {1, 3});
  const Tensor a = Loss(logits, labels_of({0})).factor(0, 2);
  const Tensor b = Loss(permuted, labels_of({1})).factor(0, 2);
  for (std::int64_t k = 0; k < 2; ++k) {
    for (std::int64_t c = 0; c < 3; ++c)
      BOOST_TEST(a.data<double>()[k * 3 + c] == b.data<double>()[k * 3 + (c + 1) % 3]);
  }
}

BOOST_AUTO_TEST_SUITE_END()
