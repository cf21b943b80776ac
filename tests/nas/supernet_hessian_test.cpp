// Second derivatives over the switches of whole networks: exact against differences, the algorithms against each other.
#include "autograd/curvature.h"
#include "autograd/sweep.h"
#include "ops/scale/scale.h"
#include "tests/nas/bayesnas_search.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::loss_of;
using ockham::test::noise_batch;

namespace {

/// Two cells (both reductions), so that switches of the first act through the second.
SupernetSpec two_cells(SupernetSpec spec) {
  spec = test::tiny(std::move(spec));
  spec.frame.cells = 2;
  spec.frame.channels = 2;
  return spec;
}

SupernetSpec three_cells(SupernetSpec spec) {
  spec = test::tiny(std::move(spec));
  spec.frame.channels = 2;
  return spec;
}

/// A network in float64 with a batch.
struct Fixture {
  explicit Fixture(const SupernetSpec& spec) : initial{.seed = 3, .dtype = DType::kFloat64}, net(spec, initial) {
    test::shake(net);
    batch = noise_batch(3, spec.frame);
    // Logits of order 1: a saturated softmax has second derivatives that rounding would drown.
    Tensor& classifier = test::parameter_named(net, "classifier.weight").value;
    scale(classifier, 1.0 / max_abs(net.forward({}, batch.images).value()));
  }
  Variable loss(Tape& tape, BatchNormMode mode, bool fuses = true) {
    return loss_of(net, {.tape = &tape, .batch_norm = mode, .fuses = fuses}, batch);
  }
  HessianResult hessian(BatchNormMode mode, const HessianOptions& options = {}) {
    Tape tape;
    return hessian_diagonal(loss(tape, mode, options.curvature != Curvature::kRecursion), net.architecture(), options);
  }

  Initial initial;
  Supernet net;
  Batch batch;
};

/// BayesNAS on a copy of the network.
test::BayesNasSearch search_of(Fixture& f) {
  test::BayesNasSearch search(f.net.spec(), {.dtype = DType::kFloat64});
  const std::vector<Parameter*> from = f.net.state(), to = search.net.state();
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i]->value = from[i]->value.clone();
  return search;
}

std::vector<double> entries_of(const HessianResult& result) {
  std::vector<double> entries;
  for (const Tensor& diagonal : result.diagonal)
    entries.insert(entries.end(), diagonal.span<double>().begin(), diagonal.span<double>().end());
  return entries;
}

double largest(const std::vector<double>& values) {
  double result = 0.0;
  for (double value : values)
    result = std::max(result, std::abs(value));
  return result;
}

double relative_gap(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> gap;
  std::ranges::transform(a, b, std::back_inserter(gap), std::minus());
  return largest(gap) / largest(b);
}

/// Entries, evenly spread over all switches, against central differences of the gradient; relative to the largest.
double gap_to_differences(Fixture& f, BatchNormMode mode, const HessianResult& result, std::size_t stride) {
  const auto build = [&](Tape& tape) { return f.loss(tape, mode); };
  double worst = 0.0;
  std::size_t at = 0;
  for (std::size_t p = 0; p < result.diagonal.size(); ++p) {
    for (std::int64_t i = 0; i < result.diagonal[p].numel(); ++i) {
      if (at++ % stride != 0)
        continue;
      // A small step: rounding costs 1e-9, but no activation may cross the kink of its ReLU.
      const double difference = hessian_by_difference(build, *f.net.architecture()[p], i, 1e-7);
      worst = std::max(worst, std::abs(difference - test::read(result.diagonal[p], i)));
    }
  }
  return worst / largest(entries_of(result));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(supernet_hessian)

BOOST_AUTO_TEST_CASE(exact_switch_hessian_matches_differences_with_running_statistics) {
  Fixture f(two_cells(SupernetSpec::bayesnas(3)));
  const HessianResult result = f.hessian(BatchNormMode::kRunning);
  BOOST_TEST((result.algorithm == HessianAlgorithm::kReverse));
  BOOST_TEST(gap_to_differences(f, BatchNormMode::kRunning, result, 1) < 1e-5);
}

BOOST_AUTO_TEST_CASE(exact_switch_hessian_matches_differences_with_batch_statistics) {
  Fixture f(two_cells(SupernetSpec::bayesnas(3)));
  const HessianResult result = f.hessian(BatchNormMode::kBatch);
  BOOST_TEST((result.algorithm == HessianAlgorithm::kForward));
  BOOST_TEST(gap_to_differences(f, BatchNormMode::kBatch, result, 1) < 1e-5);
}

BOOST_AUTO_TEST_CASE(shared_softmax_logits_match_differences_in_both_modes) {
  Fixture f(three_cells(SupernetSpec::darts(2)));
  for (BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
    const HessianResult result = f.hessian(mode);
    BOOST_TEST((result.algorithm == HessianAlgorithm::kForward));
    BOOST_TEST(gap_to_differences(f, mode, result, 3) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(reverse_and_forward_algorithms_agree_with_running_statistics) {
  for (const SupernetSpec& spec : {SupernetSpec::bayesnas(4), SupernetSpec::darts_with_switches(2)}) {
    Fixture f(three_cells(spec));
    const HessianResult reverse = f.hessian(BatchNormMode::kRunning, {.algorithm = HessianAlgorithm::kReverse});
    const HessianResult forward = f.hessian(BatchNormMode::kRunning, {.algorithm = HessianAlgorithm::kForward});
    BOOST_TEST(relative_gap(entries_of(reverse), entries_of(forward)) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(origin_switches_at_the_output_have_an_exact_hessian_too) {
  SupernetSpec spec = two_cells(SupernetSpec::bayesnas(2));
  spec.origin = OriginPosition::kOutput;
  Fixture f(spec);
  const HessianResult result = f.hessian(BatchNormMode::kRunning);
  BOOST_TEST((result.algorithm == HessianAlgorithm::kReverse));
  BOOST_TEST(gap_to_differences(f, BatchNormMode::kRunning, result, 1) < 1e-5);
}

BOOST_AUTO_TEST_CASE(frozen_batch_statistics_decouple_samples_and_serve_the_reverse_algorithm) {
  Fixture f(two_cells(SupernetSpec::bayesnas(2)));
  const HessianResult frozen = f.hessian(BatchNormMode::kFrozenBatch);
  BOOST_TEST((frozen.algorithm == HessianAlgorithm::kReverse));
  const HessianResult forward = f.hessian(BatchNormMode::kFrozenBatch, {.algorithm = HessianAlgorithm::kForward});
  BOOST_TEST(relative_gap(entries_of(frozen), entries_of(forward)) < 1e-12);
  // The same logits as with batch statistics, but another function of the switches.
  const Tensor logits = f.net.forward({.batch_norm = BatchNormMode::kFrozenBatch}, f.batch.images).value();
  const Tensor coupled = f.net.forward({.batch_norm = BatchNormMode::kBatch}, f.batch.images).value();
  BOOST_TEST(test::relative_gap(logits, coupled) < 1e-12);
  BOOST_TEST(relative_gap(entries_of(f.hessian(BatchNormMode::kBatch)), entries_of(frozen)) > 1e-3);
}

BOOST_AUTO_TEST_CASE(gauss_newton_is_never_negative_and_exact_where_the_network_is_linear_in_a_switch) {
  Fixture f(two_cells(SupernetSpec::bayesnas(3)));
  const HessianOptions gauss_newton{.curvature = Curvature::kGaussNewton};
  BOOST_TEST(relative_gap(entries_of(f.hessian(BatchNormMode::kRunning, gauss_newton)),
                          entries_of(f.hessian(BatchNormMode::kRunning))) < 1e-12);
  const std::vector<double> exact = entries_of(f.hessian(BatchNormMode::kBatch));
  const std::vector<double> approximate = entries_of(f.hessian(BatchNormMode::kBatch, gauss_newton));
  BOOST_TEST(std::ranges::all_of(approximate, [](double h) { return h >= 0.0; }));
  BOOST_TEST(std::ranges::any_of(exact, [](double h) { return h < 0.0; }));
  BOOST_TEST(relative_gap(approximate, exact) > 1e-3);
}

BOOST_AUTO_TEST_CASE(planner_takes_the_reverse_algorithm_only_where_it_is_exact_and_says_why) {
  const HessianOptions insist{.algorithm = HessianAlgorithm::kReverse};
  Fixture switched(two_cells(SupernetSpec::bayesnas(1)));
  BOOST_TEST(switched.hessian(BatchNormMode::kRunning).reason == "every premise of algorithm R holds");
  BOOST_TEST(switched.hessian(BatchNormMode::kBatch).reason.find("couples the samples") != std::string::npos);
  BOOST_CHECK_EXCEPTION(switched.hessian(BatchNormMode::kBatch, insist), Error,
                        (test::Says{{"moments", "couples the samples", "algorithm F"}}));
  Fixture mixed(two_cells(SupernetSpec::darts(1)));
  BOOST_TEST(mixed.hessian(BatchNormMode::kRunning).reason.find("softmax is curved") != std::string::npos);
  BOOST_CHECK_EXCEPTION(mixed.hessian(BatchNormMode::kRunning, insist), Error, (test::Says{{"softmax is curved"}}));
}

BOOST_AUTO_TEST_CASE(piecewise_operations_below_the_switches_are_named) {
  Fixture f(two_cells(SupernetSpec::bayesnas(1)));
  const std::vector<std::string> expected{"conv_unit", "max_pool2d", "relu"};
  BOOST_TEST(f.hessian(BatchNormMode::kRunning).piecewise == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(duplicating_the_batch_leaves_the_hessian) {
  Fixture f(two_cells(SupernetSpec::bayesnas(2)));
  for (BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
    const std::vector<double> once = entries_of(f.hessian(mode));
    const Batch single = f.batch;
    f.batch = {Tensor({6, 3, 8, 8}, DType::kFloat64), Tensor({6}, DType::kInt64)};
    for (std::int64_t copy = 0; copy < 2; ++copy) {
      std::ranges::copy(single.images.span<double>(), f.batch.images.data<double>() + copy * single.images.numel());
      std::ranges::copy(single.labels.span<std::int64_t>(), f.batch.labels.data<std::int64_t>() + copy * 3);
    }
    BOOST_TEST(relative_gap(entries_of(f.hessian(mode)), once) < 1e-11);
    f.batch = single;
  }
}

BOOST_AUTO_TEST_CASE(doubling_the_loss_doubles_the_hessian) {
  Fixture f(two_cells(SupernetSpec::bayesnas(1)));
  Parameter& parameter = *f.net.architecture()[0];
  const auto curvature_of = [&](double factor) {
    Tape tape;
    const Variable loss = scale(f.loss(tape, BatchNormMode::kBatch), factor);
    Parameter* const wanted[] = {&parameter};
    const std::vector<int> leaves = leaf_nodes(tape, wanted);
    return Adjoints(tape, loss, leaves)
        .along({{leaves[0], Tensor::full(parameter.value.shape(), 1.0, DType::kFloat64)}}, 1, false)[0];
  };
  BOOST_TEST(curvature_of(2.0) == 2.0 * curvature_of(1.0), boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(recursion_is_positive_where_the_exact_value_is_but_another_number) {
  Fixture f(three_cells(SupernetSpec::bayesnas(4)));
  const std::vector<double> exact = entries_of(f.hessian(BatchNormMode::kRunning));
  const std::vector<double> recursion =
      entries_of(f.hessian(BatchNormMode::kRunning, {.curvature = Curvature::kRecursion}));
  std::vector<double> ratios;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    BOOST_TEST((recursion[i] > 0.0) == (exact[i] > 0.0));  // both are 0 where no activation is alive
    if (exact[i] > 0.0)
      ratios.push_back(recursion[i] / exact[i]);
  }
  std::ranges::sort(ratios);
  BOOST_TEST_MESSAGE("recursion / exact over " << ratios.size() << " switches: least " << ratios.front() << ", median "
                                               << ratios[ratios.size() / 2] << ", largest " << ratios.back());
  BOOST_TEST(relative_gap(recursion, exact) > 1e-2);  // it drops covariances: equality would be a mistake
}

BOOST_AUTO_TEST_CASE(recursion_with_batch_statistics_is_refused) {
  Fixture f(two_cells(SupernetSpec::bayesnas(1)));
  BOOST_CHECK_EXCEPTION(f.hessian(BatchNormMode::kBatch, {.curvature = Curvature::kRecursion}), Error,
                        (test::Says{{"batch_norm", "recursion"}}));
}

BOOST_AUTO_TEST_CASE(curvature_reaches_the_posterior_copy_by_copy) {
  Fixture f(three_cells(SupernetSpec::bayesnas(2)));
  test::BayesNasSearch search = search_of(f);
  BayesNas& method = search.method;
  const HessianReport report = method.measure_curvature(f.batch);
  BOOST_TEST(report.entries == count_elements(search.net.architecture()));
  BOOST_TEST(report.negative == 0);
  const auto diagonal_of = [&](const Parameter* parameter) {
    const std::vector<Parameter*> all = search.net.architecture();
    return report.result.diagonal[static_cast<std::size_t>(std::ranges::find(all, parameter) - all.begin())];
  };
  const std::vector<Parameter*>& copies = search.net.switches(CellKind::kReduction, 3);
  BOOST_TEST(copies.size() == 2u);
  for (std::size_t copy = 0; copy < 2; ++copy)
    BOOST_TEST(search.operation(CellKind::kReduction, 3, 4).hessian[copy] == test::read(diagonal_of(copies[copy]), 4));
  BOOST_TEST(search.origin(CellKind::kNormal, 1).hessian[0] ==
             test::read(diagonal_of(search.net.origins(CellKind::kNormal, 1)[0]), 0));
}

BOOST_AUTO_TEST_CASE(pruned_switches_have_no_curvature) {
  Fixture f(three_cells(SupernetSpec::bayesnas(2)));
  test::BayesNasSearch search = search_of(f);
  BayesNas& method = search.method;
  for (Parameter* parameter : search.net.origins(CellKind::kReduction, 1))
    fill(parameter->value, 1e-9);
  method.measure_curvature(f.batch);
  method.update_and_prune(1);
  BOOST_TEST(search.origin(CellKind::kReduction, 1).is_pruned());
  const auto kept = std::ranges::count_if(
      method.groups(), [](const SwitchGroup& group) { return group.is_switch() && !group.is_pruned(); });
  BOOST_TEST(kept <= 2 * 4 * 8 - 8);
  const HessianReport report = method.measure_curvature(f.batch);
  BOOST_TEST(report.entries == count_elements(search.net.architecture()));
  for (std::size_t o = 0; o < 7; ++o)
    BOOST_TEST(search.operation(CellKind::kReduction, 1, o).hessian == std::vector<double>(2, 0.0),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
