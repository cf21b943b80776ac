// What the diagonal is, whichever way it is computed.
#include "autograd/hessian.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "autograd/sweep.h"
#include "engine/allocator.h"
#include "engine/math.h"
#include "engine/parallel.h"
#include "tests/autograd/branching_net.h"
#include "tests/support.h"

using namespace ockham;
using ockham::test::BranchingNet;
using ockham::test::noise;

namespace {

std::vector<double> diagonal_of(BranchingNet& net, const std::vector<Parameter*>& parameters,
                                const HessianOptions& options = {}) {
  Tape tape;
  std::vector<double> all;
  for (const Tensor& part : hessian_diagonal(net.loss(tape), parameters, options).diagonal)
    all.insert(all.end(), part.span<double>().begin(), part.span<double>().end());
  return all;
}

double largest(const std::vector<double>& values) {
  double result = 0.0;
  for (double value : values)
    result = std::max(result, std::abs(value));
  return result;
}

/// Relative to the largest entry.
void check_close(const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
  BOOST_REQUIRE_EQUAL(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i] - expected[i]) <= tolerance * largest(expected),
               "entry " << i << ": " << found[i] << " against " << expected[i]);
}

bool is_equal_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

/// Exact values against central differences of the gradient, a few entries of every parameter.
void check_differences(BranchingNet& net, const std::vector<Parameter*>& parameters) {
  Tape tape;
  const HessianResult exact = hessian_diagonal(net.loss(tape), parameters);
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const std::int64_t size = parameters[p]->value.numel();
    for (std::int64_t i = 0; i < size; i += std::max<std::int64_t>(1, size / 4)) {
      const double difference = hessian_by_difference([&](Tape& other) { return net.loss(other); }, *parameters[p], i);
      BOOST_TEST(
          std::abs(exact.diagonal[p].data<double>()[i] - difference) < 1e-6,
          parameters[p]->name << "[" << i << "]: " << exact.diagonal[p].data<double>()[i] << " against " << difference);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hessian)

BOOST_AUTO_TEST_CASE(reverse_and_forward_agree_on_every_parameter_of_a_branching_net) {
  BranchingNet net;
  const auto reverse = diagonal_of(net, net.all(), {.algorithm = HessianAlgorithm::kReverse});
  const auto forward = diagonal_of(net, net.all(), {.algorithm = HessianAlgorithm::kForward});
  check_close(reverse, forward, 1e-13);
  BOOST_TEST(std::ranges::min(reverse) >= 0.0);
}

BOOST_AUTO_TEST_CASE(second_derivatives_leave_no_memory_behind) {
  const auto bytes = [] { return CachingAllocator::instance().statistics().bytes_in_use; };
  BranchingNet net;
  const int threads = thread_count();
  set_thread_count(1);  // others take their scratch memory, for good, whenever they first get a chunk
  for (const HessianAlgorithm algorithm : {HessianAlgorithm::kReverse, HessianAlgorithm::kForward}) {
    std::size_t after_second = 0;
    for (int pass = 1; pass <= 6; ++pass) {
      diagonal_of(net, net.all(), {.algorithm = algorithm});
      if (pass == 2)
        after_second = bytes();
    }
    BOOST_TEST(bytes() == after_second);
  }
  set_thread_count(threads);
}

BOOST_AUTO_TEST_CASE(exact_equals_the_difference_of_gradients_with_running_statistics) {
  BranchingNet net;
  check_differences(net, net.all());
}

BOOST_AUTO_TEST_CASE(exact_equals_the_difference_of_gradients_with_batch_statistics) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  check_differences(net, net.all());
}

BOOST_AUTO_TEST_CASE(exact_equals_the_difference_of_gradients_with_shared_switches) {
  for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
    BranchingNet net{.mode = mode, .shares_switches = true};
    check_differences(net, net.switches());
  }
}

BOOST_AUTO_TEST_CASE(gauss_newton_is_exact_where_the_net_is_linear_in_each_parameter) {
  BranchingNet net;
  check_close(
      diagonal_of(net, net.all(), {.curvature = Curvature::kGaussNewton, .algorithm = HessianAlgorithm::kForward}),
      diagonal_of(net, net.all()), 1e-13);
}

BOOST_AUTO_TEST_CASE(gauss_newton_is_never_negative_where_the_exact_value_is) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  const auto exact = diagonal_of(net, net.all());
  const auto gauss_newton = diagonal_of(net, net.all(), {.curvature = Curvature::kGaussNewton});
  BOOST_TEST(std::ranges::min(exact) < 0.0);
  BOOST_TEST(std::ranges::min(gauss_newton) >= 0.0);
}

BOOST_AUTO_TEST_CASE(the_number_of_directions_at_once_does_not_matter) {
  BranchingNet eval;
  const auto reverse = diagonal_of(eval, eval.all());
  for (const std::int64_t D : {1, 2, 3, 1000})
    check_close(diagonal_of(eval, eval.all(), {.directions = D}), reverse, 1e-13);
}

BOOST_AUTO_TEST_CASE(the_number_of_tangents_at_once_changes_no_bit) {
  for (const bool shares : {false, true}) {
    BranchingNet train{.mode = BatchNormMode::kBatch, .shares_switches = shares};
    const auto forward = diagonal_of(train, shares ? train.switches() : train.all());
    for (const std::int64_t D : {1, 2, 3, 1000})
      BOOST_TEST(
          is_equal_bits(diagonal_of(train, shares ? train.switches() : train.all(), {.directions = D}), forward));
  }
}

BOOST_AUTO_TEST_CASE(the_order_of_classes_does_not_matter) {
  BranchingNet net;
  const auto straight = diagonal_of(net, net.switches());
  const std::vector<std::int64_t> order = {3, 0, 4, 1, 2};  // new place of each class
  Tensor weight(net.weight.value.spec());
  Tensor bias(net.bias.value.spec());
  for (std::int64_t c = 0; c < BranchingNet::kClasses; ++c) {
    const std::int64_t to = order[static_cast<std::size_t>(c)];
    std::copy_n(net.weight.value.data<double>() + 3 * c, 3, weight.data<double>() + 3 * to);
    bias.data<double>()[to] = net.bias.value.data<double>()[c];
  }
  net.weight.value = weight;
  net.bias.value = bias;
  for (std::int64_t& label : net.labels.span<std::int64_t>())
    label = order[static_cast<std::size_t>(label)];
  check_close(diagonal_of(net, net.switches()), straight, 1e-13);
}

BOOST_AUTO_TEST_CASE(a_batch_given_twice_has_the_same_mean_hessian) {
  BranchingNet net;
  const auto once = diagonal_of(net, net.all());
  Tensor twice({8, 2, 5, 6}, DType::kFloat64);
  std::ranges::copy(net.x.span<double>(), twice.data<double>());
  std::ranges::copy(net.x.span<double>(), twice.data<double>() + net.x.numel());
  net.x = twice;
  net.labels = Tensor::from<std::int64_t>({1, 4, 0, 2, 1, 4, 0, 2}, {8});
  check_close(diagonal_of(net, net.all()), once, 1e-13);
}

BOOST_AUTO_TEST_CASE(the_number_of_threads_changes_no_bit) {
  BranchingNet eval;
  BranchingNet train{.mode = BatchNormMode::kBatch};
  const int threads = thread_count();
  set_thread_count(1);
  const auto reverse = diagonal_of(eval, eval.all());
  const auto forward = diagonal_of(train, train.all());
  set_thread_count(3);
  BOOST_TEST(is_equal_bits(diagonal_of(eval, eval.all()), reverse));
  BOOST_TEST(is_equal_bits(diagonal_of(train, train.all()), forward));
  set_thread_count(threads);
}

// With Q_T the largest mass left out, 0 <= H - H_r <= (1/4N) sum_n Q_T range(dz_n)^2: what r columns of the factor
// leave is diag(p_T) - p_T p_T^T / Q_T, a covariance of mass Q_T, and a variance is at most range^2 / 4 (Popoviciu
// 1935).
BOOST_AUTO_TEST_CASE(a_truncated_factor_stays_below_the_full_one_and_within_its_certificate) {
  BranchingNet net;
  const auto full = diagonal_of(net, net.switches());
  Tape tape;
  const HessianResult truncated = hessian_diagonal(net.loss(tape), net.switches(), {.directions = 1, .tolerance = 0.2});
  BOOST_TEST(truncated.columns < BranchingNet::kClasses - 1);
  BOOST_TEST(truncated.tail > 0.0);
  BOOST_TEST(truncated.tail < 0.2);
  Tape again;
  const Variable logits = net.logits(again);
  std::size_t at = 0;
  double left_out = 0.0;
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::int64_t i = 0; i < 3; ++i, ++at) {
      Parameter* const one[] = {net.switches()[p]};
      Tensor seed = Tensor::zeros({3}, DType::kFloat64);
      seed.data<double>()[i] = 1.0;
      const Tensor dz = push_forward(again, logits.id(), {{leaf_nodes(again, one)[0], seed}}, 1);
      double bound = 0.0;
      for (std::int64_t n = 0; n < 4; ++n) {
        const double* row = dz.data<double>() + n * BranchingNet::kClasses;
        const auto [low, high] = std::minmax_element(row, row + BranchingNet::kClasses);
        bound += truncated.tail * (*high - *low) * (*high - *low) / 16.0;
      }
      const double difference = full[at] - truncated.diagonal[p].data<double>()[i];
      BOOST_TEST(difference >= -1e-14);
      BOOST_TEST(difference <= bound);
      left_out = std::max(left_out, difference);
    }
  }
  BOOST_TEST(left_out > 1e-6);
}

BOOST_AUTO_TEST_CASE(grouped_sums_are_sums_of_entries) {
  BranchingNet net;
  Tape tape;
  const Variable loss = net.loss(tape);
  const std::vector<Parameter*> parameters = {&net.stem, &net.weight};
  const auto by = [&](Grouping grouping) {
    return hessian_diagonal(loss, parameters, {.grouping = grouping}).diagonal;
  };
  const std::vector<Tensor> entries = by(Grouping::kEntry);
  const std::vector<Tensor> filters = by(Grouping::kFilter);
  const std::vector<Tensor> layers = by(Grouping::kLayer);
  BOOST_TEST(filters[0].shape() == Shape{3});
  BOOST_TEST(by(Grouping::kChannel)[0].shape() == Shape{2});
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::int64_t o = 0; o < filters[p].numel(); ++o)
      BOOST_TEST(std::abs(filters[p].data<double>()[o] - sum(entries[p].slice(0, o, o + 1))) < 1e-13);
    BOOST_TEST(std::abs(layers[p].item() - sum(entries[p])) < 1e-13);
  }
}

BOOST_AUTO_TEST_CASE(parts_by_op_add_up_to_the_diagonal) {
  BranchingNet net{.mode = BatchNormMode::kBatch, .shares_switches = true};
  Tape tape;
  const HessianResult result = hessian_diagonal(net.loss(tape), net.switches(), {.splits_parts = true});
  std::vector<double> total(3);
  std::vector<std::string> names;
  for (const auto& [name, shares] : result.parts) {
    names.push_back(name);
    for (std::size_t i = 0; i < 3; ++i)
      total[i] += shares[i];
  }
  const std::vector<double> expected(result.diagonal[0].span<double>().begin(),
                                     result.diagonal[0].span<double>().end());
  check_close(total, expected, 1e-14);
  // Batch norm and the convolutions stand above every switch: only the loss and the mixes are curved.
  const std::vector<std::string> curved = {"softmax_cross_entropy", "weighted_sum"};
  BOOST_TEST(names == curved, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(float32_agrees_with_float64_to_its_precision) {
  BranchingNet net;
  const auto exact = diagonal_of(net, net.all());
  for (Parameter* parameter : net.all())
    parameter->value = parameter->value.to(DType::kFloat32);
  net.x = net.x.to(DType::kFloat32);
  check_close(diagonal_of(net, net.all()), exact, 1e-5);
  check_close(diagonal_of(net, net.all(), {.algorithm = HessianAlgorithm::kForward}), exact, 1e-5);
}

BOOST_AUTO_TEST_SUITE_END()
