// Batch norm in three pieces, moments, batch_norm_fold and y = s x + b, against the op that is all of them.
#include "ops/moments/moments.h"

#include <cmath>

#include "autograd/curvature.h"
#include "autograd/hessian.h"
#include "autograd/op_classes.h"
#include "autograd/reverse.h"
#include "ops/moments/moments_kernels.h"
#include "ops/ops.h"
#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;
using test::noise;

namespace {

/// Row `row` of [2, C] as [C], which no op of the library gives.
class RowOp : public LinearOp {
 public:
  explicit RowOp(std::int64_t row) : row_(row) {}
  std::string_view name() const override { return "row"; }
  std::vector<Spec> infer(std::span<const Spec> x) const override { return {{{x[0].shape[1]}, x[0].dtype}}; }
  void forward(Inputs x, Outputs y, Saved& saved) const override { apply(saved, 1, x[0], y[0]); }

 protected:
  void apply(const Saved&, std::int64_t D, const Tensor& x, Tensor& y) const override {
    const std::int64_t C = x.size(1);
    for (std::int64_t i = 0; i < D * C; ++i)
      y.data<double>()[i] = x.data<double>()[(i / C * 2 + row_) * C + i % C];
  }
  void transpose(const Saved&, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override {
    Tensor g = Tensor::zeros(x_bar.dst->shape(), DType::kFloat64);
    const std::int64_t C = g.size(1);
    for (std::int64_t i = 0; i < D * C; ++i)
      g.data<double>()[(i / C * 2 + row_) * C + i % C] = y_bar.data<double>()[i];
    x_bar.add(g);
  }

 private:
  const std::int64_t row_;
};

/// y = s x + b: batch norm with mean 0, variance 1 and no eps.
Variable applied(const Variable& x, const Variable& affine) {
  const Shape channels{x.shape()[1]};
  return batch_norm_eval(
      x, record_one(std::make_shared<const RowOp>(0), {affine}), record_one(std::make_shared<const RowOp>(1), {affine}),
      Tensor::zeros(channels, DType::kFloat64), Tensor::full(channels, 1.0, DType::kFloat64), {.eps = 0.0});
}

Variable in_pieces(const Variable& x, const Variable& gamma, const Variable& beta, double eps) {
  return applied(x, batch_norm_fold(moments(x), gamma, beta, eps));
}
Variable in_one(const Variable& x, const Variable& gamma, const Variable& beta, double eps) {
  return batch_norm_train(x, gamma, beta, {.eps = eps}).y;
}

struct Derivatives {
  Tensor y;
  std::vector<Tensor> gradients;
  std::vector<double> second;  ///< along kD directions of all inputs at once
};

constexpr std::int64_t kD = 3;

/// Of sum(w silu(y)), so that the second derivative has a part from behind the norm. No gamma: not affine.
template <class Norm>
Derivatives derivatives_of(Norm norm, std::vector<Tensor> inputs, double eps) {
  std::vector<Parameter> parameters;
  for (const Tensor& input : inputs)
    parameters.push_back({.name = "input", .value = input, .grad = {}});
  Tape tape;
  std::vector<Variable> leaves;
  std::vector<int> nodes;
  std::map<int, Tensor> seeds;
  for (Parameter& parameter : parameters) {
    leaves.push_back(tape.leaf(parameter));
    nodes.push_back(leaves.back().id().node);
    seeds.emplace(nodes.back(), noise(with_directions(parameter.value.shape(), kD), 40 + seeds.size()));
  }
  leaves.resize(3);
  const Variable y = norm(leaves[0], leaves[1], leaves[2], eps);
  const Variable loss = sum(mul(silu(y), noise(y.shape(), 50)));
  const Adjoints adjoints(tape, loss, nodes);
  Derivatives result{.y = y.value(), .gradients = {}, .second = adjoints.along(seeds, kD, false)};
  for (int node : nodes)
    result.gradients.push_back(
        adjoints.leaf_gradients().at(node).reshape(parameters[result.gradients.size()].value.shape()));
  return result;
}

/// Within 1e-12 of the largest entry.
void check_equal(const Tensor& a, const Tensor& b, const char* what) {
  const double error = test::difference(a, b) / std::max(1.0, max_abs(b));
  BOOST_TEST(error < 1e-12, what << " differs by " << error);
}

void check_pieces(const std::vector<Tensor>& inputs, double eps) {
  const Derivatives pieces = derivatives_of(in_pieces, inputs, eps);
  const Derivatives one = derivatives_of(in_one, inputs, eps);
  check_equal(pieces.y, one.y, "the value");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    BOOST_TEST(max_abs(one.gradients[i]) > 0.01);  // not zero against zero
    check_equal(pieces.gradients[i], one.gradients[i], i == 0 ? "x_bar" : i == 1 ? "gamma_bar" : "beta_bar");
  }
  check_equal(Tensor::from(pieces.second, {kD}), Tensor::from(one.second, {kD}), "the second derivative");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(moments)

BOOST_AUTO_TEST_CASE(moments_fold_and_apply_are_batch_norm_with_all_its_derivatives) {
  const std::vector<Tensor> affine = {noise({3, 4, 2, 5}, 1), Tensor::from({0.7, 0.0, -1.3, 2.0}, {4}), noise({4}, 2)};
  check_pieces(affine, 1e-5);
  check_pieces(affine, 0.25);
  check_pieces({noise({3, 4, 2, 5}, 3)}, 1e-5);
  check_pieces({noise({7, 3}, 4), noise({3}, 5), noise({3}, 6)}, 1e-3);
  check_pieces({noise({2, 3, 40, 41}, 7), noise({3}, 8), noise({3}, 9)}, 1e-5);
}

BOOST_AUTO_TEST_CASE(a_constant_channel_gives_beta_and_finite_derivatives) {
  const Tensor x = Tensor::full({3, 2, 4, 5}, 0.1, DType::kFloat64);  // 0.1: its sums round, its differences do not
  const Tensor m = ockham::moments(x).value();
  BOOST_TEST(m.data<double>()[0] == 0.1);
  BOOST_TEST(m.data<double>()[2] == 0.0);
  const Tensor gamma = noise({2}, 1);
  const Tensor beta = noise({2}, 2);
  const Tensor y = in_pieces(x, gamma, beta, 1e-5).value();
  for (std::int64_t i = 0; i < y.numel(); ++i)
    BOOST_TEST(std::abs(y.data<double>()[i] - beta.data<double>()[i / 20 % 2]) < 1e-13);
  const test::Recorded run({x}, [](auto in) { ockham::moments(in[0]); });
  BOOST_TEST(max_abs(run.vjp(1, Tensor::from({0.0, 0.0, 1.0, 1.0}, {2, 2}))[0]) == 0.0);  // a minimum of the variance
}

BOOST_AUTO_TEST_CASE(float32_keeps_a_variance_a_million_times_below_the_squared_mean) {
  for (const Shape& shape : {Shape{8, 3, 37, 41}, Shape{500, 3, 2, 1}, Shape{3000, 3}}) {
    Tensor wide = noise(shape, 1);
    for (double& v : wide.span<double>())
      v += 1000.0;
    const Tensor x = wide.to(DType::kFloat32);
    const Tensor result = ockham::moments(x).value().to(DType::kFloat64);
    const BatchNormResult expected = batch_norm_train(x.to(DType::kFloat64), {}, {});
    for (std::int64_t c = 0; c < 3; ++c) {
      // Both are one rounding to float32 away from exact, the variance a few more for the lanes that are in float32.
      BOOST_TEST(std::abs(result.data<double>()[c] - expected.mean.data<double>()[c]) <= 1000.0 * 6e-8);
      BOOST_TEST(result.data<double>()[3 + c] == expected.variance.data<double>()[c],
                 boost::test_tools::tolerance(1e-6));
    }
  }
}

BOOST_AUTO_TEST_CASE(one_outlier_in_a_plane_costs_no_digits_wherever_it_is) {
  for (std::int64_t at = 0; at < 2000; at += 250) {
    Tensor x = noise({2, 1, 40, 50}, 1).to(DType::kFloat32);
    x.data<float>()[at] = 300.0f;
    const Tensor result = ockham::moments(x).value();
    const BatchNormResult expected = batch_norm_train(x.to(DType::kFloat64), {}, {});
    BOOST_TEST(static_cast<double>(result.data<float>()[1]) == expected.variance.item(),
               boost::test_tools::tolerance(1e-6));
  }
}

BOOST_AUTO_TEST_CASE(a_constant_shift_moves_the_mean_alone_in_float32_too) {
  Tensor wide = noise({4, 3, 20, 30}, 1);
  for (double& v : wide.span<double>())
    v += 1000.0;
  const test::Recorded run({wide.to(DType::kFloat32)}, [](auto in) { ockham::moments(in[0]); });
  const Tensor ones = Tensor::full({4, 3, 20, 30}, 1.0, DType::kFloat32);
  const Tensor m_dot = run.jvp(1, {ones});
  for (std::int64_t c = 0; c < 3; ++c) {
    BOOST_TEST(m_dot.data<float>()[c] == 1.0f);
    BOOST_TEST(std::abs(m_dot.data<float>()[3 + c]) < 1e-6f);
  }
  BOOST_TEST(run.curvature(1, Tensor::full({2, 3}, 1.0, DType::kFloat32), {ones})[0] == 0.0);
}

BOOST_AUTO_TEST_CASE(merged_planes_have_the_moments_of_their_values) {
  constexpr std::int64_t kN = 5, kC = 35, kP = 6;  // more channels than one task merges
  const Tensor x = noise({kN, kC, 2, 3}, 1);
  std::vector<cpu::PlaneMoments> planes;
  for (std::int64_t i = 0; i < kN * kC; ++i)
    planes.push_back(cpu::moments_of_plane(kP, x.data<double>() + i * kP));
  Tensor m({2, kC}, DType::kFloat64);
  cpu::merge_moments(kN, kC, kP, planes.data(), m.data<double>());
  const BatchNormResult expected = batch_norm_train(x, {}, {});
  for (std::int64_t c = 0; c < kC; ++c) {
    BOOST_TEST(std::abs(m.data<double>()[c] - expected.mean.data<double>()[c]) < 1e-14);
    BOOST_TEST(std::abs(m.data<double>()[kC + c] - expected.variance.data<double>()[c]) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(a_batch_with_a_nan_says_so) {
  for (const Shape& shape : {Shape{2, 1, 3, 4}, Shape{5, 1}, Shape{1, 1, 6, 7}}) {
    Tensor x = noise(shape, 1);
    x.data<double>()[1] = std::nan("");
    const Tensor m = ockham::moments(x).value();
    BOOST_TEST(std::isnan(m.data<double>()[0]));
    BOOST_TEST(std::isnan(m.data<double>()[1]));
  }
}

BOOST_AUTO_TEST_CASE(fold_refuses_one_parameter_and_a_negative_eps) {
  const Tensor m = Tensor::full({2, 3}, 1.0, DType::kFloat64);
  BOOST_CHECK_EXCEPTION(batch_norm_fold(m, noise({3}, 1), {}), Error, (test::Says{{"gamma is given without beta"}}));
  BOOST_CHECK_EXCEPTION(batch_norm_fold(m, {}, noise({3}, 1)), Error, (test::Says{{"beta is given without gamma"}}));
  BOOST_CHECK_EXCEPTION(batch_norm_fold(m, {}, {}, -1.0), UsageError, (test::Says{{"eps=-1", "must be >= 0"}}));
}

// A scale is one number for all samples: R could not square their gradients apart, whether m is constant or not.
BOOST_AUTO_TEST_CASE(both_pieces_are_an_obstacle_to_algorithm_R_that_is_named) {
  const Tensor labels = Tensor::from<std::int64_t>({1, 0, 2, 1}, {4});
  Parameter x{.name = "x", .value = noise({4, 3}, 1), .grad = {}};
  Parameter gamma{.name = "gamma", .value = noise({3}, 2), .grad = {}};
  const auto obstacle = [&](Parameter& parameter, const auto& build) {
    Tape tape;
    const Variable loss = softmax_cross_entropy(build(tape), labels);
    Parameter* const one[] = {&parameter};
    BOOST_TEST(static_cast<int>(hessian_diagonal(loss, one).algorithm) == static_cast<int>(HessianAlgorithm::kForward));
    return reverse_obstacle(tape, loss, one).value_or("none");
  };
  BOOST_TEST(obstacle(gamma, [&](Tape& tape) {
               return applied(x.value, batch_norm_fold(ockham::moments(x.value), tape.leaf(gamma), noise({3}, 3)));
             }) == "batch_norm_fold is curved and depends on the parameters");
  BOOST_TEST(obstacle(x, [&](Tape& tape) { return in_pieces(tape.leaf(x), gamma.value, noise({3}, 3), 1e-5); }) ==
             "moments() couples the samples of a batch");
}

BOOST_AUTO_TEST_SUITE_END()
