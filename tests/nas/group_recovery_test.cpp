// Which groups of inputs a linear regression has, found again from noisy data.
#include <cmath>

#include "autograd/reverse.h"
#include "engine/math.h"
#include "engine/random.h"
#include "nas/compression/ranking/scores.h"
#include "nas/compression/ranking/thresholds.h"
#include "ops/linear/linear.h"
#include "ops/squared_error/squared_error.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

constexpr std::int64_t kSamples = 200, kGroups = 20, kMembers = 4, kInputs = kGroups * kMembers;
constexpr std::size_t kActive = 5;

/// y = x w + noise at 20 dB, the weights of five groups of twenty normal, the others zero.
struct Regression {
  Tensor x{{kSamples, kInputs}, DType::kFloat64};
  Tensor y{{kSamples, 1}, DType::kFloat64};
  Tensor truth = Tensor::zeros({1, kInputs}, DType::kFloat64);
  std::vector<bool> is_active = std::vector<bool>(kGroups);
  double noise = 0.0;  // variance

  explicit Regression(std::uint64_t seed) {
    const auto key = [&](std::uint64_t step) {
      return RandomKey{.seed = seed, .purpose = Purpose::kTest, .step = step};
    };
    Tensor drawn({1, kInputs}, DType::kFloat64), error({kSamples}, DType::kFloat64);
    fill_normal(x, key(1));
    fill_normal(drawn, key(2));
    fill_normal(error, key(3));
    for (std::size_t k = 0; k < kActive; ++k) {
      const auto group = static_cast<std::int64_t>(k) * 4 + static_cast<std::int64_t>(seed) % 4;
      is_active[static_cast<std::size_t>(group)] = true;
      for (std::int64_t i = group * kMembers; i < (group + 1) * kMembers; ++i)
        truth.data<double>()[i] = drawn.data<double>()[i];
    }
    y = linear(Variable(x), Variable(truth)).value().clone();
    double power = 0.0;
    for (double value : y.span<double>())
      power += value * value / static_cast<double>(kSamples);
    noise = power / 100.0;
    for (std::int64_t n = 0; n < kSamples; ++n)
      y.data<double>()[n] += std::sqrt(noise) * error.data<double>()[n];
  }
};

struct Found {
  std::vector<bool> is_active;
  double error = 0.0;  // squared, of the weights
};

/// Cycles of proximal gradient steps, curvature, update and pruning; a group lasso is never updated.
Found find(const Regression& data, Criterion criterion, double lambda) {
  Parameter w{.name = "w", .value = Tensor::zeros({1, kInputs}, DType::kFloat64)};
  const std::vector<Parameter*> parameters{&w};
  const GroupFamily groups(
      "inputs",
      std::vector<GroupSeries>{
          {.name = "w", .runs = {slice_run(0, {1, kInputs}, 1, 0, kMembers)}, .groups = kGroups, .step = kMembers}});
  WeightPrior prior(parameters, {{.family = groups}}, {.lambda = lambda});
  Masks masks(parameters);
  const auto record = [&](Tape& tape, std::size_t) {
    return BatchLoss{squared_error(linear(Variable(data.x), tape.leaf(w)), Variable(data.y)), kSamples};
  };
  constexpr double kRate = 0.3;  // below one over the largest eigenvalue of x^T x / N
  std::vector<bool> gone(kGroups);
  for (int cycle = 0; cycle < 8; ++cycle) {
    for (int step = 0; step < 60; ++step) {
      Tape tape;
      backward(record(tape, 0).loss);
      masks.mask_gradients();
      axpy(-kRate, w.grad, w.value);
      prior.shrink(kRate);
    }
    const WeightDerivatives derivatives = mean_derivatives(parameters, 1, record);
    if (criterion == Criterion::kPublished)
      prior.update(derivatives.hessian, masks);
    const std::vector<bool> redundant =
        redundant_groups(prior.families()[0], prior.options(), masks, derivatives.hessian);
    for (std::size_t g = 0; g < gone.size(); ++g)
      gone[g] = gone[g] || redundant[g];
    masks.prune(groups, redundant);
    masks.apply();
  }
  Found found;
  for (const bool is_gone : gone)
    found.is_active.push_back(!is_gone);
  for (std::int64_t i = 0; i < kInputs; ++i)
    found.error += std::pow(w.value.data<double>()[i] - data.truth.data<double>()[i], 2.0);
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(group_recovery)

// At ten times the temperature of the noise: a group of noise alone is kept where a chi-square of four degrees is above
// forty.
BOOST_AUTO_TEST_CASE(the_published_prior_finds_the_groups_of_a_regression_and_group_lasso_at_its_lambda_does_not) {
  double ours = 0.0, lasso = 0.0;
  int exact = 0, lasso_exact = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Regression data(seed);
    const double lambda = 10.0 * data.noise / static_cast<double>(kSamples);
    const Found by_prior = find(data, Criterion::kPublished, lambda),
                by_lasso = find(data, Criterion::kGroupLasso, lambda);
    exact += by_prior.is_active == data.is_active;
    lasso_exact += by_lasso.is_active == data.is_active;
    ours += by_prior.error / 10.0;
    lasso += by_lasso.error / 10.0;
  }
  BOOST_TEST_MESSAGE("exact " << exact << " and " << lasso_exact << " of 10, error " << ours << " and " << lasso);
  BOOST_TEST(exact == 10);
  BOOST_TEST(lasso_exact < 5);
  BOOST_TEST(ours < 0.5 * lasso);
}

// Where group lasso is strong enough to find them it shrinks what it keeps.
BOOST_AUTO_TEST_CASE(no_lambda_makes_group_lasso_as_close_to_the_weights_and_as_sparse) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Regression data(seed);
    const double unit = data.noise / static_cast<double>(kSamples);
    const double ours = find(data, Criterion::kPublished, 10.0 * unit).error;
    for (double factor : {30.0, 100.0, 300.0, 1000.0}) {
      const Found lasso = find(data, Criterion::kGroupLasso, factor * unit);
      BOOST_TEST((lasso.is_active != data.is_active || lasso.error > ours), "seed " << seed << ", " << factor);
    }
  }
}

BOOST_AUTO_TEST_CASE(evidence_at_the_least_squares_fit_ranks_all_true_groups_above_all_others) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Regression data(seed);
    Parameter w{.name = "w", .value = Tensor::zeros({1, kInputs}, DType::kFloat64)};
    const std::vector<Parameter*> parameters{&w};
    const auto record = [&](Tape& tape, std::size_t) {
      return BatchLoss{squared_error(linear(Variable(data.x), tape.leaf(w)), Variable(data.y)), kSamples};
    };
    for (int step = 0; step < 300; ++step) {
      Tape tape;
      backward(record(tape, 0).loss);
      axpy(-0.3, w.grad, w.value);
    }
    const FamilyPrior groups{
        .family = GroupFamily("inputs", std::vector<GroupSeries>{{.name = "w",
                                                                  .runs = {slice_run(0, {1, kInputs}, 1, 0, kMembers)},
                                                                  .groups = kGroups,
                                                                  .step = kMembers}})};
    const Ranking ranking =
        rank_groups(Criterion::kEvidence, groups, Masks(parameters), mean_derivatives(parameters, 1, record),
                    {.lambda = 10.0 * data.noise / static_cast<double>(kSamples)});
    for (std::size_t g = 0; g < data.is_active.size(); ++g)
      BOOST_TEST((ranking.score[g] > 0.0) == data.is_active[g], "seed " << seed << ", group " << g);
  }
}

BOOST_AUTO_TEST_SUITE_END()
