#include <Eigen/Dense>
#include <cmath>

#include "engine/math.h"
#include "nas/diagnosis/architecture_eigenvalue.h"
#include "nas/methods/darts/darts_gradient.h"
#include "nas/spaces/nasbench201/supernet.h"
#include "ops/linear/linear.h"
#include "ops/softmax/softmax.h"
#include "ops/tanh/tanh.h"
#include "ops/weighted_sum/weighted_sum.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas;

namespace {

/// The smallest search network of NAS-Bench-201 and two batches of noise.
struct Search {
  Search() : supernet({.network = {.channels = 2, .cells_per_stage = 1, .classes = 3}}, initial) {
    // Logits far from each other, so that second derivatives are of the order of the first.
    fill_normal(logits(), {3, Purpose::kTest, 7});
    for (Batch* batch : {&train, &valid})
      fill_normal(batch->images, {2, Purpose::kTest, batch == &train ? 0u : 1u});
  }
  SearchNetwork network() {
    return {&supernet, [this](const Context& c, const Variable& x) { return supernet.forward(c, x); },
            supernet.architecture()};
  }
  Tensor& logits() { return supernet.architecture().front()->value; }

  Initial initial{.seed = 9, .dtype = DType::kFloat64};
  nasbench201::Supernet supernet;
  Batch train{Tensor({4, 3, 8, 8}, DType::kFloat64), Tensor::from(std::vector<std::int64_t>{0, 1, 2, 1}, {4})};
  Batch valid{Tensor({4, 3, 8, 8}, DType::kFloat64), Tensor::from(std::vector<std::int64_t>{2, 0, 1, 0}, {4})};
};

/// A network without kinks: the mixture of a linear and of a saturating layer.
class Smooth : public Module {
 public:
  Smooth()
      : alpha_(add_parameter("alpha", Tensor::from({0.3, -0.4}, {2}), ParameterKind::kSwitch)),
        straight_(add_parameter("straight.weight", noise({3, 4}, 1))),
        bent_(add_parameter("bent.weight", noise({3, 4}, 2))) {}
  Variable forward(const Context& context, const Variable& x) {
    const std::vector<Variable> maps{linear(x, context.use(straight_)), tanh(linear(x, context.use(bent_)))};
    return weighted_sum(softmax(context.use(alpha_)), maps);
  }
  SearchNetwork network() {
    return {this, [this](const Context& c, const Variable& x) { return forward(c, x); }, {&alpha_}};
  }
  Tensor& logits() { return alpha_.value; }
  static Tensor noise(const Shape& shape, std::uint64_t stream) {
    Tensor x(shape, DType::kFloat64);
    fill_normal(x, {4, Purpose::kTest, stream});
    return x;
  }

  Batch train{noise({5, 4}, 3), Tensor::from(std::vector<std::int64_t>{0, 1, 2, 1, 0}, {5})};
  Batch valid{noise({4, 4}, 4), Tensor::from(std::vector<std::int64_t>{2, 0, 1, 0}, {4})};

 private:
  Parameter& alpha_;
  Parameter& straight_;
  Parameter& bent_;
};

/// L_valid after one training step at the logits as they are, by nothing but gradients of L_train.
double loss_after_step(Smooth& search, const Unrolling& unrolling) {
  const SearchNetwork network = search.network();
  const std::vector<Parameter*> weights = network.weights();
  std::vector<Tensor> start;
  network.differentiate(search.train);
  for (Parameter* weight : weights) {
    start.push_back(weight->value.clone());
    Tensor step = weight->grad.clone();
    axpy(unrolling.weight_decay, weight->value, step);
    if (unrolling.sgd != nullptr)
      axpy(unrolling.momentum, unrolling.sgd->momentum_of(*weight), step);
    axpy(-unrolling.lr, step, weight->value);
  }
  const double loss = network.loss(nullptr, search.valid).value().item();
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i]->value = start[i];
  return loss;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(darts)

BOOST_AUTO_TEST_CASE(second_order_is_the_gradient_through_the_training_step) {
  Smooth search;
  const Unrolling unrolling{.lr = 0.5, .weight_decay = 0.1};
  const double loss = second_order_gradient(search.network(), search.train, search.valid, unrolling);
  const Tensor gradient = search.network().architecture[0]->grad.clone();
  BOOST_TEST(std::abs(loss - loss_after_step(search, unrolling)) <= 1e-12);
  first_order_gradient(search.network(), search.valid);
  const Tensor first = search.network().architecture[0]->grad.clone();
  constexpr double kStep = 1e-5;
  double worst = 0.0, distance = 0.0;
  for (std::int64_t i = 0; i < gradient.numel(); ++i) {
    double& logit = search.logits().data<double>()[i];
    const auto moved = [&](double by) {
      logit += by;
      const double value = loss_after_step(search, unrolling);
      logit -= by;
      return value;
    };
    const double exact = (moved(kStep) - moved(-kStep)) / (2.0 * kStep);
    worst = std::max(worst, std::abs(gradient.data<double>()[i] - exact));
    distance = std::max(distance, std::abs(first.data<double>()[i] - exact));
  }
  BOOST_TEST(worst <= 1e-5);     // of the order of eps^2, eps = 0.01 / |g|
  BOOST_TEST(distance >= 1e-3);  // what the second order adds
}

BOOST_AUTO_TEST_CASE(the_training_step_of_the_second_order_goes_on_with_its_momentum) {
  Smooth search;
  const SearchNetwork network = search.network();
  Sgd sgd(network.weights(), {.momentum = 0.9});
  network.differentiate(search.valid);
  sgd.step(0.1);
  const Unrolling still{.lr = 0.5, .weight_decay = 0.1};
  Unrolling moving = still;
  moving.momentum = 0.9;
  moving.sgd = &sgd;
  for (const Unrolling& unrolling : {still, moving})
    BOOST_TEST(std::abs(second_order_gradient(network, search.train, search.valid, unrolling) -
                        loss_after_step(search, unrolling)) <= 1e-12);
  BOOST_TEST(std::abs(loss_after_step(search, moving) - loss_after_step(search, still)) > 1e-3);
}

BOOST_AUTO_TEST_CASE(weights_are_left_as_they_were) {
  Search search;
  std::vector<Tensor> before;
  for (const Parameter* weight : search.network().weights())
    before.push_back(weight->value.clone());
  Sgd sgd(search.network().weights(), {});
  second_order_gradient(search.network(), search.train, search.valid, {.momentum = 0.9, .sgd = &sgd});
  largest_architecture_eigenvalue(search.network(), search.valid, {.iterations = 2});
  const std::vector<Parameter*> weights = search.network().weights();
  for (std::size_t i = 0; i < weights.size(); ++i)
    BOOST_TEST(std::ranges::equal(weights[i]->value.span<double>(), before[i].span<double>()));
}

BOOST_AUTO_TEST_CASE(eigenvalue_begins_where_its_seed_says_and_goes_as_far_as_asked) {
  Search search;
  const auto found = [&](std::int64_t iterations, std::uint64_t seed) {
    return largest_architecture_eigenvalue(search.network(), search.valid, {.iterations = iterations, .seed = seed});
  };
  BOOST_TEST(found(0, 1) == 0.0);
  BOOST_TEST(found(1, 1) != found(1, 2));
  BOOST_TEST(found(1, 1) != found(2, 1));
}

BOOST_AUTO_TEST_CASE(eigenvalue_is_that_of_the_whole_matrix) {
  Search search;
  const SearchNetwork network = search.network();
  const std::int64_t n = search.logits().numel();
  Eigen::MatrixXd H(n, n);
  constexpr double kStep = 1e-5;
  for (std::int64_t i = 0; i < n; ++i) {
    for (const double side : {1.0, -1.0}) {
      search.logits().data<double>()[i] += side * kStep;
      network.differentiate(search.valid);
      search.logits().data<double>()[i] -= side * kStep;
      for (std::int64_t j = 0; j < n; ++j)
        H(j, i) = (side > 0.0 ? 0.0 : H(j, i)) +
                  side * search.supernet.architecture().front()->grad.data<double>()[j] / (2.0 * kStep);
    }
  }
  const Eigen::VectorXd values =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(0.5 * (H + H.transpose())).eigenvalues();
  const double largest = std::abs(values[0]) > std::abs(values[n - 1]) ? values[0] : values[n - 1];
  const double found =
      largest_architecture_eigenvalue(network, search.valid, {.iterations = 200, .reach = 1e-5, .seed = 1});
  BOOST_TEST(std::abs(found - largest) <= 1e-4 * std::abs(largest));
}

BOOST_AUTO_TEST_SUITE_END()
