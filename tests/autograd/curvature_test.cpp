#include "autograd/curvature.h"

#include <cmath>

#include "autograd/hessian.h"
#include "autograd/reverse.h"
#include "engine/math.h"
#include "tests/autograd/branching_net.h"
#include "tests/support.h"

using namespace ockham;
using ockham::test::BranchingNet;
using ockham::test::noise;

namespace {

std::vector<int> leaves_of(const Tape& tape, const std::vector<Parameter*>& parameters) {
  return leaf_nodes(tape, parameters);
}

/// t^T H t along one tangent per parameter.
double along(BranchingNet& net, const std::vector<Parameter*>& parameters, const std::vector<Tensor>& tangents) {
  Tape tape;
  const Variable loss = net.loss(tape);
  const std::vector<int> leaves = leaves_of(tape, parameters);
  std::map<int, Tensor> seeds;
  for (std::size_t p = 0; p < leaves.size(); ++p)
    seeds.emplace(leaves[p], tangents[p]);
  return Adjoints(tape, loss, leaves).along(seeds, 1, false)[0];
}

/// <gradient at parameters + h * tangents, tangents>
double slope_at(BranchingNet& net, const std::vector<Parameter*>& parameters, const std::vector<Tensor>& tangents,
                double h) {
  std::vector<Tensor> original;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    original.push_back(parameters[p]->value);
    parameters[p]->value = original[p].clone();
    axpy(h, tangents[p], parameters[p]->value);
  }
  Tape tape;
  backward(net.loss(tape));
  double slope = 0.0;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    slope += dot(parameters[p]->grad, tangents[p]);
    parameters[p]->value = original[p];
  }
  return slope;
}

/// The Hessian over the six switches of both mixes, by polarisation: H_ij = (H[i + j] - H_ii - H_jj) / 2.
std::vector<std::vector<double>> dense_hessian(BranchingNet& net) {
  const auto value = [&](std::size_t i, std::size_t j) {
    std::vector<Tensor> tangents = {Tensor::zeros({3}, DType::kFloat64), Tensor::zeros({3}, DType::kFloat64)};
    tangents[i / 3].data<double>()[i % 3] = 1.0;
    tangents[j / 3].data<double>()[j % 3] = 1.0;
    return along(net, net.switches(), tangents);
  };
  std::vector<std::vector<double>> H(6, std::vector<double>(6));
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j)
      H[i][j] = i == j ? value(i, i) : 0.5 * (value(i, j) - value(i, i) - value(j, j));
  }
  return H;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(curvature)

BOOST_AUTO_TEST_CASE(the_adjoint_identity_gives_the_second_derivative_along_any_direction) {
  for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
    BranchingNet net{.mode = mode, .shares_switches = mode == BatchNormMode::kBatch};
    std::vector<Parameter*> parameters = net.all();
    if (net.shares_switches)
      std::erase(parameters, &net.alpha1);
    std::vector<Tensor> tangents;
    for (std::size_t p = 0; p < parameters.size(); ++p)
      tangents.push_back(noise(parameters[p]->value.shape(), 50 + p));
    const double h = 1e-6;
    const double difference =
        (slope_at(net, parameters, tangents, h) - slope_at(net, parameters, tangents, -h)) / (2.0 * h);
    BOOST_TEST(along(net, parameters, tangents) == difference, boost::test_tools::tolerance(1e-7));
  }
}

BOOST_AUTO_TEST_CASE(several_directions_at_once_equal_one_by_one) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  Tape tape;
  const Variable loss = net.loss(tape);
  const std::vector<int> leaves = leaves_of(tape, {&net.gamma, &net.alpha0});
  const Adjoints adjoints(tape, loss, leaves);
  const Tensor gamma = noise({4 * 3}, 60);
  const Tensor alpha = noise({4 * 3}, 61);
  const auto together = adjoints.along({{leaves[0], gamma}, {leaves[1], alpha}}, 4, false);
  for (std::int64_t d = 0; d < 4; ++d) {
    const auto row = [d](const Tensor& t) { return t.slice(0, 3 * d, 3 * d + 3).clone(); };
    const auto alone = adjoints.along({{leaves[0], row(gamma)}, {leaves[1], row(alpha)}}, 1, false);
    BOOST_TEST(together[static_cast<std::size_t>(d)] == alone[0], boost::test_tools::tolerance(1e-13));
  }
}

BOOST_AUTO_TEST_CASE(the_keeping_sweep_gives_the_ordinary_gradient) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  Tape tape;
  const Variable loss = net.loss(tape);
  const std::vector<int> leaves = leaves_of(tape, net.all());
  const Adjoints adjoints(tape, loss, leaves);
  backward(loss);
  for (std::size_t p = 0; p < leaves.size(); ++p) {
    Tensor difference = adjoints.leaf_gradients().at(leaves[p]).clone();
    axpy(-1.0, net.all()[p]->grad, difference);
    BOOST_TEST(max_abs(difference) <= 1e-14 * std::max(1.0, max_abs(net.all()[p]->grad)));
  }
}

// H_shared = M H M^T with M = (I I), on a net where both copies have the same value.
BOOST_AUTO_TEST_CASE(sharing_adds_the_cross_terms_of_the_copies) {
  for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
    BranchingNet apart{.mode = mode};
    apart.alpha1.value = apart.alpha0.value.clone();
    BranchingNet shared{.mode = mode, .shares_switches = true};
    const auto H = dense_hessian(apart);
    Tape tape;
    const HessianResult result = hessian_diagonal(shared.loss(tape), shared.switches());
    double largest_cross = 0.0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double expected = H[i][i] + H[i + 3][i + 3] + H[i][i + 3] + H[i + 3][i];
      BOOST_TEST(std::abs(result.diagonal[0].data<double>()[i] - expected) < 1e-13);
      largest_cross = std::max(largest_cross, std::abs(H[i][i + 3]));
    }
    BOOST_TEST(largest_cross > 1e-3);
  }
}

// Batch norm undoes the scale of the filter before it (with eps = 0 exactly), so the loss is constant along the filter.
BOOST_AUTO_TEST_CASE(a_filter_before_batch_statistics_has_no_curvature_along_itself) {
  Parameter w{.name = "w", .value = noise({3, 2, 3, 3}, 70)};
  const Tensor x = noise({4, 2, 5, 6}, 71);
  const Tensor head = noise({5, 3}, 72);
  const Tensor labels = Tensor::from<std::int64_t>({1, 4, 0, 2}, {4});
  const auto curvature_along_filter = [&](bool uses_batch, std::int64_t o) {
    Tape tape;
    const Variable y = conv2d(x, tape.leaf(w));
    const Tensor ones = Tensor::full({3}, 1.0, DType::kFloat64);
    const Tensor zeros = Tensor::zeros({3}, DType::kFloat64);
    const Variable z = uses_batch ? batch_norm_train(y, ones, zeros, {.eps = 0.0}).y
                                  : batch_norm_eval(y, ones, zeros, zeros, ones, {.eps = 0.0});
    const Variable loss = softmax_cross_entropy(linear(global_avg_pool(relu(z)), head), labels);
    const std::vector<int> leaves = leaves_of(tape, {&w});
    Tensor filter = Tensor::zeros(w.value.shape(), DType::kFloat64);
    std::copy_n(w.value.data<double>() + o * 18, 18, filter.data<double>() + o * 18);
    return Adjoints(tape, loss, leaves).along({{leaves[0], filter}}, 1, false)[0];
  };
  for (std::int64_t o = 0; o < 3; ++o) {
    BOOST_TEST(std::abs(curvature_along_filter(true, o)) < 1e-14);
    BOOST_TEST(std::abs(curvature_along_filter(false, o)) > 1e-3);
  }
}

// A chain without covariances to drop is exact up to the first matrix: h_w1[j,i] = sum_n x_ni^2 m_nj sum_k w2_kj^2 h_nk
// with h_nk = p_nk (1 - p_nk) / N and m the relu's mask.
BOOST_AUTO_TEST_CASE(the_published_recursion_on_a_chain_equals_its_formula) {
  Parameter w1{.name = "w1", .value = noise({3, 2}, 80)};
  Parameter w2{.name = "w2", .value = noise({4, 3}, 81)};
  const Tensor x = noise({5, 2}, 82);
  const Tensor labels = Tensor::from<std::int64_t>({0, 1, 2, 3, 0}, {5});
  Tape tape;
  const Variable hidden = linear(x, tape.leaf(w1));
  const Variable logits = linear(relu(hidden), tape.leaf(w2));
  const Variable loss = softmax_cross_entropy(logits, labels);
  const Tensor p = softmax(logits.detach()).value();
  Parameter* const both[] = {&w1, &w2};
  const HessianResult result = hessian_diagonal(loss, both, {.curvature = Curvature::kRecursion});
  const auto at = [](const Tensor& t, std::int64_t r, std::int64_t c) { return t.data<double>()[r * t.size(1) + c]; };
  for (std::int64_t j = 0; j < 3; ++j) {
    for (std::int64_t i = 0; i < 2; ++i) {
      double expected = 0.0;
      for (std::int64_t n = 0; n < 5; ++n) {
        double h = 0.0;
        for (std::int64_t k = 0; k < 4; ++k)
          h += at(w2.value, k, j) * at(w2.value, k, j) * at(p, n, k) * (1.0 - at(p, n, k)) / 5.0;
        expected += at(hidden.value(), n, j) > 0.0 ? at(x, n, i) * at(x, n, i) * h : 0.0;
      }
      BOOST_TEST(at(result.diagonal[0], j, i) == expected, boost::test_tools::tolerance(1e-13));
    }
  }
  const HessianResult exact = hessian_diagonal(loss, both);
  for (std::int64_t i = 0; i < 12; ++i)  // the last matrix has no covariance to drop
    BOOST_TEST(result.diagonal[1].data<double>()[i] == exact.diagonal[1].data<double>()[i],
               boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_SUITE_END()
