#include "nas/compression/prior/weight_prior.h"

#include <cmath>

#include "engine/math.h"
#include "engine/parallel.h"
#include "engine/random.h"
#include "nas/compression/groups/patterns.h"
#include "nas/compression/ranking/thresholds.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using boost::test_tools::per_element;
using boost::test_tools::tolerance;

namespace {

Tensor drawn(const Shape& shape, std::uint64_t step, double low, double high) {
  Tensor t(shape, DType::kFloat64);
  fill_uniform(t, {.seed = 8, .purpose = Purpose::kTest, .step = step}, low, high);
  return t;
}

/// Two linear layers and one convolution with curvature of every size.
struct Weights {
  Parameter first{.name = "fc1.weight", .value = drawn({4, 6}, 1, -1.0, 1.0)};
  Parameter second{.name = "fc2.weight", .value = drawn({3, 4}, 2, -1.0, 1.0)};
  std::vector<Parameter*> all{&first, &second};
  std::vector<Tensor> hessian{drawn({4, 6}, 3, 0.0, 2.0), drawn({3, 4}, 4, 0.0, 2.0)};
  Masks none{all};

  WeightPrior prior(const std::vector<Pattern>& patterns, const WeightPriorOptions& options = {.lambda = 0.05}) {
    std::vector<FamilyPrior> families;
    for (Pattern pattern : patterns)
      families.push_back({.family = family_of(pattern, all)});
    return {all, families, options};
  }
};

std::vector<double> members_of(const GroupFamily& family, std::size_t group, const std::vector<Tensor>& tensors) {
  std::vector<double> members;
  for_each_entry(family.group(group),
                 [&](std::size_t p, std::int64_t i) { members.push_back(tensors[p].data<double>()[i]); });
  return members;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(weight_prior)

BOOST_AUTO_TEST_CASE(one_family_is_updated_as_each_of_its_groups_by_itself) {
  for (UpdateOrder order : {UpdateOrder::kSupplement, UpdateOrder::kCode}) {
    for (GroupSum sum : {GroupSum::kSum, GroupSum::kMean}) {
      const WeightPriorOptions options{.lambda = 0.05, .laplace = {.order = order, .sum = sum}};
      Weights weights;
      WeightPrior prior = weights.prior({Pattern::kColumn}, options);
      const GroupFamily& family = prior.families()[0].family;
      std::vector<GroupState> states(family.size());
      for (int round = 0; round < 3; ++round) {
        prior.update(weights.hessian, weights.none);
        for (std::size_t g = 0; g < family.size(); ++g) {
          update_group(states[g], members_of(family, g, {weights.first.value, weights.second.value}),
                       members_of(family, g, weights.hessian), options.lambda, options.laplace);
          BOOST_TEST(prior.families()[0].gamma[g] == states[g].gamma, tolerance(1e-14));
          BOOST_TEST(prior.families()[0].omega[g] == states[g].omega, tolerance(1e-14));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gamma_is_the_norm_over_omega_and_a_group_of_zeros_is_pruned_at_once) {
  Weights weights;
  Tensor row = weights.first.value.slice(0, 2, 3);
  fill(row, 0.0);
  WeightPrior prior = weights.prior({Pattern::kRow});
  const std::vector<double> omega = prior.families()[0].omega;
  prior.update(weights.hessian, weights.none);
  const FamilyPrior& rows = prior.families()[0];
  const std::vector<double> w = members_of(rows.family, 0, {weights.first.value, weights.second.value});
  BOOST_TEST(rows.gamma[0] == group_norm(w) / omega[0], tolerance(1e-14));
  const std::vector<bool> redundant = redundant_groups(rows, prior.options(), weights.none, weights.hessian);
  for (std::size_t g = 0; g < redundant.size(); ++g)
    BOOST_TEST(redundant[g] == (g == 2));
}

BOOST_AUTO_TEST_CASE(with_several_patterns_precisions_add_so_that_the_posterior_is_the_narrower) {
  Weights weights;
  const WeightPrior rows = weights.prior({Pattern::kRow}), columns = weights.prior({Pattern::kColumn});
  WeightPrior both = weights.prior({Pattern::kRow, Pattern::kColumn});
  const auto check = [&](const std::vector<Tensor>& c_rows, const std::vector<Tensor>& c_columns,
                         const std::vector<Tensor>& c_both) {
    for (std::size_t p = 0; p < 2; ++p) {
      for (std::int64_t i = 0; i < c_both[p].numel(); ++i) {
        const double of_rows = c_rows[p].data<double>()[i], of_columns = c_columns[p].data<double>()[i];
        const double h = weights.hessian[p].data<double>()[i] / 0.05;
        const double c = c_both[p].data<double>()[i];
        BOOST_TEST(c <= std::min(of_rows, of_columns));
        BOOST_TEST(1.0 / c == 1.0 / of_rows + 1.0 / of_columns - h, tolerance(1e-12));
      }
    }
  };
  check(rows.covariance(weights.hessian), columns.covariance(weights.hessian), both.covariance(weights.hessian));
}

BOOST_AUTO_TEST_CASE(with_several_patterns_alpha_counts_the_others_precision_as_curvature) {
  Weights weights;
  WeightPrior both = weights.prior({Pattern::kRow, Pattern::kElement});
  both.update(weights.hessian, weights.none);
  const std::vector<Tensor> C = both.covariance(weights.hessian);
  const FamilyPrior& rows = both.families()[0];
  for (std::size_t g = 0; g < rows.family.size(); ++g) {
    double sum = 0.0;
    for (double c : members_of(rows.family, g, C))
      sum += 1.0 / rows.gamma[g] - c / (rows.gamma[g] * rows.gamma[g]);
    BOOST_TEST(rows.omega[g] == std::sqrt(sum), tolerance(1e-12));
  }
}

BOOST_AUTO_TEST_CASE(the_update_does_not_see_a_common_factor_of_curvature_and_lambda) {
  Weights weights;
  WeightPrior plain = weights.prior({Pattern::kRow, Pattern::kColumn}, {.lambda = 0.05});
  WeightPrior scaled = weights.prior({Pattern::kRow, Pattern::kColumn}, {.lambda = 0.05 * 64.0});
  std::vector<Tensor> hessian;
  for (const Tensor& H : weights.hessian) {
    hessian.push_back(H.clone());
    scale(hessian.back(), 64.0);
  }
  for (int round = 0; round < 3; ++round) {
    plain.update(weights.hessian, weights.none);
    scaled.update(hessian, weights.none);
    for (std::size_t f = 0; f < 2; ++f) {
      BOOST_TEST(plain.families()[f].gamma == scaled.families()[f].gamma, per_element());
      BOOST_TEST(plain.families()[f].omega == scaled.families()[f].omega, per_element());
    }
  }
}

// With equal curvature h at all of n weights, gamma^2 n h / (1 + gamma h) = ||w||^2 has one positive root.
BOOST_AUTO_TEST_CASE(both_orders_of_the_update_end_at_the_same_fixed_point) {
  for (UpdateOrder order : {UpdateOrder::kSupplement, UpdateOrder::kCode}) {
    Weights weights;
    WeightPrior prior = weights.prior({Pattern::kRow}, {.lambda = 0.05, .laplace = {.order = order}});
    for (Tensor& H : weights.hessian)
      fill(H, 0.1);
    for (int round = 0; round < 2000; ++round)
      prior.update(weights.hessian, weights.none);
    const FamilyPrior& rows = prior.families()[0];
    for (std::size_t g = 0; g < rows.family.size(); ++g) {
      const std::vector<double> w = members_of(rows.family, g, {weights.first.value, weights.second.value});
      const double m = group_norm(w) * group_norm(w) / static_cast<double>(w.size()), h = 0.1 / 0.05;
      BOOST_TEST(rows.gamma[g] == 0.5 * (m + std::sqrt(m * m + 4.0 * m / h)), tolerance(1e-8));
    }
  }
}

BOOST_AUTO_TEST_CASE(pruned_weights_count_for_nothing) {
  Weights weights, without;
  Masks masks(weights.all);
  masks.prune({.name = "fc1.weight[:,0:3]", .runs = {slice_run(0, {4, 6}, 1, 0, 3)}});
  masks.apply();
  without.first.value = weights.first.value.slice(1, 3, 6).contiguous();
  without.hessian[0] = weights.hessian[0].slice(1, 3, 6).contiguous();
  for (GroupSum sum : {GroupSum::kSum, GroupSum::kMean}) {
    const WeightPriorOptions options{.lambda = 0.05, .laplace = {.sum = sum}};
    WeightPrior prior = weights.prior({Pattern::kRow}, options), smaller = without.prior({Pattern::kRow}, options);
    prior.update(weights.hessian, masks);
    smaller.update(without.hessian, Masks(without.all));
    BOOST_TEST(prior.families()[0].omega == smaller.families()[0].omega, tolerance(1e-14) << per_element());
  }
}

BOOST_AUTO_TEST_CASE(the_penalty_s_gradient_matches_central_differences_and_is_none_at_zero) {
  Weights weights;
  Tensor row = weights.second.value.slice(0, 1, 2);
  fill(row, 0.0);
  WeightPrior prior = weights.prior({Pattern::kRow, Pattern::kElement});
  prior.update(weights.hessian, weights.none);
  for (Parameter* parameter : weights.all)
    parameter->grad = Tensor::zeros(parameter->value.shape(), DType::kFloat64);
  prior.add_penalty_gradient();
  BOOST_TEST(max_abs(weights.second.grad.slice(0, 1, 2)) == 0.0);
  for (std::int64_t i : {0, 7, 23}) {
    constexpr double kStep = 1e-6;
    double& w = weights.first.value.data<double>()[i];
    const double at = w;
    w = at + kStep;
    const double plus = prior.penalty();
    w = at - kStep;
    const double minus = prior.penalty();
    w = at;
    const double difference = (plus - minus) / (2.0 * kStep);
    BOOST_TEST(weights.first.grad.data<double>()[i] == difference, tolerance(1e-7));
  }
}

BOOST_AUTO_TEST_CASE(a_share_scales_a_family_s_penalty_and_not_its_curvature) {
  Weights weights;
  WeightPrior whole = weights.prior({Pattern::kRow});
  WeightPrior third(weights.all, {{.family = family_of(Pattern::kRow, weights.all), .share = 0.25}}, {.lambda = 0.05});
  whole.update(weights.hessian, weights.none);
  third.update(weights.hessian, weights.none);
  BOOST_TEST(third.families()[0].omega == whole.families()[0].omega, per_element());
  BOOST_TEST(third.penalty() == 0.25 * whole.penalty(), tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(a_proximal_step_shrinks_norms_by_the_threshold_down_to_exact_zeros) {
  Weights weights;
  const WeightPrior prior = weights.prior({Pattern::kColumn}, {.lambda = 1.0});
  const GroupFamily& family = prior.families()[0].family;
  const std::vector<Tensor> before{weights.first.value.clone(), weights.second.value.clone()};
  const double lr = group_norm(members_of(family, 3, before));
  prior.shrink(lr);
  for (std::size_t g = 0; g < family.size(); ++g) {
    const double was = group_norm(members_of(family, g, before));
    const double is = group_norm(members_of(family, g, {weights.first.value, weights.second.value}));
    BOOST_TEST(std::abs(is - std::max(0.0, was - lr)) < 1e-14);
    BOOST_TEST((is == 0.0) == (was <= lr));
  }
}

BOOST_AUTO_TEST_CASE(a_proximal_step_of_two_patterns_is_refused) {
  Weights weights;
  const WeightPrior prior = weights.prior({Pattern::kRow, Pattern::kColumn});
  BOOST_CHECK_EXCEPTION(prior.shrink(0.1), UsageError, (test::Says{{"one family", "2", "gradient steps"}}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_updated_is_refused) {
  Weights weights;
  BOOST_CHECK_THROW(weights.prior({Pattern::kRow}, {.lambda = 0.0}), UsageError);
  BOOST_CHECK_THROW(weights.prior({}), UsageError);
  WeightPrior prior = weights.prior({Pattern::kRow});
  BOOST_CHECK_EXCEPTION(prior.update({weights.hessian.data(), 1}, weights.none), UsageError, (test::Says{{"1", "2"}}));
  std::vector<Tensor> transposed{drawn({6, 4}, 1, 0.0, 1.0), weights.hessian[1]};
  BOOST_CHECK_EXCEPTION(prior.update(transposed, weights.none), UsageError, (test::Says{{"fc1.weight", "[6,4]"}}));
  BOOST_CHECK_EXCEPTION(prior.update(std::vector{weights.hessian[0], Tensor{}}, weights.none), UsageError,
                        (test::Says{{"fc2.weight", "groups of row", "not measured"}}));
  weights.hessian[1].data<double>()[5] = NAN;
  BOOST_CHECK_EXCEPTION(prior.update(weights.hessian, weights.none), DivergedError, (test::Says{{"fc2.weight"}}));
}

BOOST_AUTO_TEST_CASE(variances_come_back_from_a_checkpoint_and_damaged_ones_are_refused) {
  Weights weights;
  WeightPrior prior = weights.prior({Pattern::kRow, Pattern::kColumn}),
              again = weights.prior({Pattern::kRow, Pattern::kColumn});
  prior.update(weights.hessian, weights.none);
  again.load(prior.state());
  for (std::size_t f = 0; f < 2; ++f) {
    BOOST_TEST(again.families()[f].gamma == prior.families()[f].gamma, per_element());
    BOOST_TEST(again.families()[f].omega == prior.families()[f].omega, per_element());
  }
  WeightPrior other = weights.prior({Pattern::kColumn});
  BOOST_CHECK_EXCEPTION(other.load(prior.state()), CheckpointError, (test::Says{{"gamma.0.column"}}));
  auto state = prior.state();
  state.at("gamma.0.row") = Tensor::zeros({7}, DType::kFloat64);
  BOOST_CHECK_EXCEPTION(again.load(state), CheckpointError, (test::Says{{"gamma.0.row", "damaged"}}));
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
  const int before = thread_count();
  std::vector<double> omega;
  for (int threads : {1, 2, 3}) {
    set_thread_count(threads);
    Weights weights;
    WeightPrior prior = weights.prior({Pattern::kColumn, Pattern::kElement});
    prior.update(weights.hessian, weights.none);
    if (omega.empty())
      omega = prior.families()[0].omega;
    BOOST_TEST(prior.families()[0].omega == omega, per_element());
  }
  set_thread_count(before);
}

BOOST_AUTO_TEST_SUITE_END()
