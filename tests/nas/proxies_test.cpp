// Golden numbers were worked out by hand or in float64 by an independent program.
#include "nas/proxies/proxies.h"

#include <cmath>

#include "autograd/reverse.h"
#include "engine/math.h"
#include "nas/nasbench201/network.h"
#include "nas/proxies/kernel_scores.h"
#include "ops/linear/linear.h"
#include "ops/relu/relu.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas::proxies;
using nas::Batch;
namespace nb = nas::nasbench201;

namespace {

/// 2-3-K, no biases: relu(x W1^T) W2^T.
class SmallMlp : public Module {
 public:
  explicit SmallMlp(const std::vector<double>& second = {2.0, -1.0, 0.5})
      : first_(add_parameter("first.weight", Tensor::from({1.0, -2.0, 0.5, 1.0, -1.0, 3.0}, {3, 2}))),
        second_(
            add_parameter("second.weight", Tensor::from(second, {static_cast<std::int64_t>(second.size()) / 3, 3}))) {}
  /// Of images [N, 1, 1, 2] or [N, 2].
  Variable forward(const Context& context, const Variable& x) {
    const Tensor rows = x.value().reshape({x.value().size(0), -1});
    return linear(relu(linear(rows, context.use(first_))), context.use(second_));
  }
  nas::SearchNetwork subject() {
    return {this, [this](const Context& context, const Variable& x) { return forward(context, x); }, {}};
  }

 private:
  Parameter& first_;
  Parameter& second_;
};

/// A small network of a cell, and a batch of noise for it.
struct CellCase {
  explicit CellCase(const char* code)
      : network(nb::parse_cell(code), {.channels = 4, .cells_per_stage = 1, .classes = 3}, initial) {
    fill_normal(batch.images, {9, Purpose::kTest, 0});
  }
  nas::SearchNetwork subject() {
    return {&network, [this](const Context& context, const Variable& x) { return network.forward(context, x); }, {}};
  }
  Initial initial{.seed = 8, .dtype = DType::kFloat64};
  nb::Network network;
  Batch batch{Tensor({4, 3, 8, 8}, DType::kFloat64), Tensor::from(std::vector<std::int64_t>{0, 1, 2, 1}, {4})};
};

std::vector<Tensor> values_of(Module& network) {
  std::vector<Tensor> values;
  for (const Parameter* parameter : network.state())
    values.push_back(parameter->value.clone());
  return values;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proxies)

BOOST_AUTO_TEST_CASE(agreements_of_three_codes_have_the_known_determinant) {
  const std::vector<char> codes{1, 0, 1, 1, 1, 1, 0, 1, 0, 0, 1, 0};
  std::vector<double> K(9);
  add_agreements(codes, 3, K);
  BOOST_TEST(K == (std::vector<double>{4, 2, 2, 2, 4, 0, 2, 0, 4}), boost::test_tools::per_element());
  BOOST_TEST(std::abs(log_determinant(K, 3) - 3.4657359028) <= 1e-10);
  BOOST_TEST(log_determinant(std::vector<double>{4, 4, 4, 4}, 2) == -INFINITY);
}

BOOST_AUTO_TEST_CASE(four_patterns_of_which_two_are_equal_are_three_regions) {
  BOOST_TEST(count_regions(std::vector<char>{1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0}, 4) == 3);
}

BOOST_AUTO_TEST_CASE(correlation_score_of_three_rows_is_the_known_one) {
  BOOST_TEST(std::abs(correlation_score(std::vector<double>{1, 2, 3, 4, 2, 1, 0, 3, -1, 0, 2, 1}, 3) - -64.0149968) <=
             1e-7);
}

BOOST_AUTO_TEST_CASE(condition_number_of_three_rows_is_the_known_one) {
  BOOST_TEST(std::abs(condition_number(std::vector<double>{1, 0, 2, 0, 1, 1, 1, 1, 0}, 3) - 8.2908593694) <= 1e-9);
  BOOST_TEST(condition_number(std::vector<double>{0, 0}, 2) == 1e5);
}

BOOST_AUTO_TEST_CASE(synflow_of_a_chain_is_its_length_times_the_flow) {
  SmallMlp mlp;
  BOOST_TEST(std::abs(synflow(mlp.subject(), 2, 1) - 19.0) <= 1e-12);  // R = 9.5
}

BOOST_AUTO_TEST_CASE(synflow_takes_batch_norm_for_the_identity) {
  // With every edge a skip the cells double and triple their input; convolutions are those of stem, reductions and
  // head.
  CellCase small("111111");
  const double before = synflow(small.subject(), 3, 8);
  for (Parameter* parameter : small.network.state()) {
    if (parameter->name.ends_with("running_var"))
      fill(parameter->value, 7.0);
  }
  BOOST_TEST(std::abs(synflow(small.subject(), 3, 8) / before - 1.0) <= 1e-12);
  BOOST_TEST(before > 0.0);
}

// W^T H g is the mixed second derivative of L(W + a W + b g) at a = b = 0, here from four losses.
BOOST_AUTO_TEST_CASE(grasp_is_the_mixed_second_derivative_along_weights_and_gradients) {
  SmallMlp mlp({2.0, -1.0, 0.5, 0.3, 0.8, -0.4});
  const Batch batch{Tensor::from({0.7, 0.2, 0.4, 1.1, 1.5, -0.3}, {3, 2}),
                    Tensor::from(std::vector<std::int64_t>{0, 1, 0}, {3})};
  const std::vector<Parameter*> weights = mlp.parameters(ParameterKind::kWeight);
  const auto loss = [&](Tape* tape) {
    return softmax_cross_entropy(mlp.forward({.tape = tape}, batch.images), batch.labels);
  };
  Tape tape;
  backward(loss(&tape));
  const auto loss_at = [&](double a, double b) {
    std::vector<Tensor> before;
    for (Parameter* weight : weights) {
      before.push_back(weight->value.clone());
      axpy(a, before.back(), weight->value);
      axpy(b, weight->grad, weight->value);
    }
    const double value = loss(nullptr).value().item();
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights[i]->value = before[i];
    return value;
  };
  constexpr double h = 1e-4;
  const double mixed = (loss_at(h, h) - loss_at(h, -h) - loss_at(-h, h) + loss_at(-h, -h)) / (4.0 * h * h);
  // Losses of order 1 have 16 digits, divided by 4e-8: seven are left.
  BOOST_TEST(std::abs(grasp(mlp.subject(), batch) + mixed) <= 1e-6);
}

BOOST_AUTO_TEST_CASE(scores_leave_the_network_as_it_was) {
  CellCase small("321431");
  const nas::SearchNetwork subject = small.subject();
  const std::vector<Tensor> before = values_of(small.network);
  const double first = snip(subject, small.batch);
  grasp(subject, small.batch);
  synflow(subject, 3, 8);
  ntk_condition(subject, small.batch.images);
  const std::vector<Tensor> after = values_of(small.network);
  for (std::size_t i = 0; i < before.size(); ++i) {
    Tensor gap = after[i].to(DType::kFloat64).clone();
    axpy(-1.0, before[i].to(DType::kFloat64), gap);
    BOOST_TEST(max_abs(gap) == 0.0);
  }
  BOOST_TEST(snip(subject, small.batch) == first);
}

BOOST_AUTO_TEST_CASE(a_cell_that_is_cut_off_is_scored_last) {
  CellCase dead("111000"), alive("333333");
  BOOST_TEST(naswot(dead.subject(), dead.batch.images) == -INFINITY);
  BOOST_TEST(std::isfinite(naswot(alive.subject(), alive.batch.images)));
}

BOOST_AUTO_TEST_CASE(equal_images_cannot_be_told_apart) {
  CellCase small("333333");
  BOOST_TEST(naswot(small.subject(), Tensor::full({2, 3, 8, 8}, 0.5, DType::kFloat64)) == -INFINITY);
}

BOOST_AUTO_TEST_SUITE_END()
