// What the matrix is, where it is the Hessian, and when it is refused.
#include "autograd/gauss_newton.h"

#include <cmath>
#include <cstring>

#include "autograd/curvature.h"
#include "autograd/reverse.h"
#include "engine/parallel.h"
#include "tests/autograd/branching_net.h"
#include "tests/support.h"

using namespace ockham;
using ockham::test::BranchingNet;
using ockham::test::noise;

namespace {

std::vector<double> matrix_of(BranchingNet& net, const HessianOptions& options = {}) {
  Tape tape;
  const std::vector<Parameter*> switches = net.switches();
  const Tensor matrix = gauss_newton_matrix(net.loss(tape), switches, options).matrix;
  return {matrix.span<double>().begin(), matrix.span<double>().end()};
}

/// Relative to the largest entry.
void check_close(const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
  BOOST_REQUIRE_EQUAL(found.size(), expected.size());
  double largest = 0.0;
  for (const double value : expected)
    largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i] - expected[i]) <= tolerance * largest,
               "entry " << i << ": " << found[i] << " against " << expected[i]);
}

/// Tangents that move entry i, and j too if it is another, of parameters that stand one after the other.
std::map<int, Tensor> seeds(const Tape& tape, const std::vector<Parameter*>& parameters, std::int64_t i,
                            std::int64_t j) {
  const std::vector<int> leaves = leaf_nodes(tape, parameters);
  std::map<int, Tensor> result;
  std::int64_t first = 0;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const Tensor& value = parameters[p]->value;
    Tensor seed = Tensor::zeros(with_directions(value.shape(), 1), DType::kFloat64);
    for (const std::int64_t entry : {i, j}) {
      if (first <= entry && entry < first + value.numel())
        seed.data<double>()[entry - first] = 1.0;
    }
    result.emplace(leaves[p], seed);
    first += value.numel();
  }
  return result;
}

/// The Hessian by polarisation of second derivatives along directions: (d_ij - d_ii - d_jj) / 2.
std::vector<double> hessian_of(Tape& tape, const Variable& loss, const std::vector<Parameter*>& parameters,
                               std::int64_t K) {
  const std::vector<int> leaves = leaf_nodes(tape, parameters);
  const Adjoints adjoints(tape, loss, leaves);
  const auto along = [&](std::int64_t i, std::int64_t j) {
    return adjoints.along(seeds(tape, parameters, i, j), 1, false)[0];
  };
  std::vector<double> result;
  for (std::int64_t i = 0; i < K; ++i) {
    for (std::int64_t j = 0; j < K; ++j)
      result.push_back(i == j ? along(i, i) : 0.5 * (along(i, j) - along(i, i) - along(j, j)));
  }
  return result;
}

/// J^T H_loss J with J from a tangent sweep an entry and H_loss = (diag(p) - p p^T) / N.
std::vector<double> by_tangents(BranchingNet& net, std::int64_t K) {
  Tape tape;
  const Variable logits = net.logits(tape);
  const std::int64_t N = logits.shape()[0], C = logits.shape()[1];
  std::vector<Tensor> J;
  for (std::int64_t i = 0; i < K; ++i)
    J.push_back(push_forward(tape, logits.id(), seeds(tape, net.switches(), i, i), 1));
  std::vector<double> result(static_cast<std::size_t>(K * K));
  for (std::int64_t n = 0; n < N; ++n) {
    std::vector<double> p;
    double total = 0.0;
    for (std::int64_t c = 0; c < C; ++c)
      total += p.emplace_back(std::exp(logits.value().data<double>()[n * C + c]));
    for (std::int64_t i = 0; i < K; ++i) {
      for (std::int64_t j = 0; j < K; ++j) {
        double both = 0.0, of_i = 0.0, of_j = 0.0;
        for (std::int64_t c = 0; c < C; ++c) {
          const double a = J[static_cast<std::size_t>(i)].data<double>()[n * C + c];
          const double b = J[static_cast<std::size_t>(j)].data<double>()[n * C + c];
          const double share = p[static_cast<std::size_t>(c)] / total;
          both += share * a * b;
          of_i += share * a;
          of_j += share * b;
        }
        result[static_cast<std::size_t>(i * K + j)] += (both - of_i * of_j) / static_cast<double>(N);
      }
    }
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gauss_newton)

BOOST_AUTO_TEST_CASE(of_switches_on_one_layer_it_is_the_hessian) {
  BranchingNet net;
  for (Parameter* parameter : net.switches()) {
    const std::vector<Parameter*> one{parameter};
    Tape tape;
    const Variable loss = net.loss(tape);
    const Tensor matrix = gauss_newton_matrix(loss, one).matrix;
    check_close({matrix.span<double>().begin(), matrix.span<double>().end()}, hessian_of(tape, loss, one, 3), 1e-10);
  }
}

BOOST_AUTO_TEST_CASE(of_switches_on_paths_it_is_what_tangents_say_and_not_the_hessian) {
  BranchingNet net;
  const std::vector<double> matrix = matrix_of(net);
  check_close(matrix, by_tangents(net, 6), 1e-12);
  Tape tape;
  const std::vector<double> hessian = hessian_of(tape, net.loss(tape), net.switches(), 6);
  double apart = 0.0;
  for (std::size_t i = 0; i < matrix.size(); ++i)
    apart = std::max(apart, std::abs(matrix[i] - hessian[i]));
  BOOST_TEST(apart > 1e-3);
}

BOOST_AUTO_TEST_CASE(its_diagonal_is_that_of_algorithm_r) {
  BranchingNet net;
  const std::vector<double> matrix = matrix_of(net);
  Tape tape;
  const std::vector<Parameter*> switches = net.switches();
  std::vector<double> expected, found;
  for (const Tensor& part : hessian_diagonal(net.loss(tape), switches).diagonal)
    expected.insert(expected.end(), part.span<double>().begin(), part.span<double>().end());
  for (std::size_t i = 0; i < 6; ++i)
    found.push_back(matrix[i * 6 + i]);
  check_close(found, expected, 1e-13);
}

BOOST_AUTO_TEST_CASE(it_is_the_same_for_any_number_of_directions) {
  BranchingNet net;
  const std::vector<double> one = matrix_of(net, {.directions = 1});
  for (const std::int64_t directions : {2, 3, 4})
    check_close(matrix_of(net, {.directions = directions}), one, 1e-13);
}

BOOST_AUTO_TEST_CASE(it_has_the_same_bits_at_one_and_two_threads) {
  BranchingNet net;
  net.x = noise({40, 2, 5, 6}, 1);
  net.labels = Tensor::zeros({40}, DType::kInt64);
  const int threads = thread_count();
  set_thread_count(1);
  const std::vector<double> one = matrix_of(net);
  set_thread_count(2);
  const std::vector<double> two = matrix_of(net);
  set_thread_count(threads);
  BOOST_TEST(std::memcmp(one.data(), two.data(), one.size() * sizeof(double)) == 0);
}

BOOST_AUTO_TEST_CASE(what_r_refuses_it_refuses) {
  BranchingNet coupled{.mode = BatchNormMode::kBatch};
  Tape batch_tape;
  const std::vector<Parameter*> stem{&coupled.stem};
  BOOST_CHECK_EXCEPTION(gauss_newton_matrix(coupled.loss(batch_tape), stem), Error,
                        (test::Says{{"gauss_newton_matrix", "couples the samples", "frozen batch-norm"}}));
  BranchingNet shared{.shares_switches = true};
  BOOST_CHECK_EXCEPTION(matrix_of(shared), Error, (test::Says{{"alpha0", "is shared"}}));
  BranchingNet net;
  Tape tape;
  const Variable loss = net.loss(tape);
  const std::vector<Parameter*> twice{&net.alpha0, &net.alpha0}, weights{&net.weight};
  BOOST_CHECK_EXCEPTION(gauss_newton_matrix(loss, twice), Error, (test::Says{{"alpha0", "twice"}}));
  BOOST_CHECK_EXCEPTION(gauss_newton_matrix(loss, weights), Error, (test::Says{{"linear", "sample by sample"}}));
  BOOST_CHECK_EXCEPTION(gauss_newton_matrix(loss, net.switches(), {.memory_limit = 1}), Error,
                        (test::Says{{"memory limit"}}));
}

BOOST_AUTO_TEST_CASE(gradients_of_some_parameters_are_those_of_backward_and_leave_grads_alone) {
  BranchingNet net;
  Tape tape;
  const Variable loss = net.loss(tape);
  const std::vector<Tensor> found = gradients(loss, net.switches());
  BOOST_TEST(!net.alpha0.grad.is_defined());
  backward(loss);
  for (std::size_t p = 0; p < 2; ++p) {
    const Tensor& expected = net.switches()[p]->grad;
    for (std::int64_t i = 0; i < expected.numel(); ++i)
      BOOST_TEST(std::abs(found[p].data<double>()[i] - expected.data<double>()[i]) <= 1e-15);
  }
}

BOOST_AUTO_TEST_SUITE_END()
