#include "ops/mix/mix.h"

#include <numeric>

#include "autograd/curvature.h"
#include "autograd/op_classes.h"
#include "engine/parallel.h"
#include "ops/batch_norm/batch_norm.h"
#include "ops/mul/mul.h"
#include "ops/sum/sum.h"
#include "ops/weighted_sum/weighted_sum.h"
#include "tests/engine/files.h"
#include "tests/levels.h"
#include "tests/ops/passes.h"

namespace ockham {
namespace {

using test::difference;
using test::is_same;
using test::noise;
using test::Recorded;

/// Row r of a matrix: [2, C] -> [C].
class RowOp : public LinearOp {
 public:
  explicit RowOp(std::int64_t row) : row_(row) {}
  std::string_view name() const override { return "row"; }
  std::vector<Spec> infer(std::span<const Spec> x) const override { return {{{x[0].shape[1]}, x[0].dtype}}; }
  void forward(Inputs x, Outputs y, Saved& saved) const override { apply(saved, 1, x[0], y[0]); }

 protected:
  void apply(const Saved&, std::int64_t D, const Tensor& x, Tensor& y) const override {
    const std::int64_t C = x.size(1);
    for (std::int64_t d = 0; d < D; ++d)
      std::copy_n(x.data<double>() + (2 * d + row_) * C, C, y.data<double>() + d * C);
  }
  void transpose(const Saved&, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override {
    Tensor g = Tensor::zeros(x_bar.dst->shape(), y_bar.dtype());
    const std::int64_t C = g.size(1);
    for (std::int64_t d = 0; d < D; ++d)
      std::copy_n(y_bar.data<double>() + d * C, C, g.data<double>() + (2 * d + row_) * C);
    x_bar.add(std::move(g));
  }

 private:
  const std::int64_t row_;
};

Variable row(const Variable& matrix, std::int64_t r) {
  return record_one(std::make_shared<const RowOp>(r), {matrix});
}

/// alpha, the z and the affines of a mix; branch k has the affine affine[k], or none where that is -1.
struct Case {
  std::vector<Tensor> values;
  std::vector<std::size_t> z;
  std::vector<int> affine;
  std::vector<std::int64_t> index;
  std::int64_t C = 0;

  Variable mixed(std::span<const Variable> v) const {
    std::vector<MixBranch> branches;
    for (std::size_t k = 0; k < z.size(); ++k)
      branches.push_back({v[z[k]], affine[k] < 0 ? Variable() : v[static_cast<std::size_t>(affine[k])]});
    return mix(v[0], branches, index);
  }

  /// Batch norm with mean 0 and variance 1 is its gamma and beta.
  Variable normalised(std::span<const Variable> v, std::size_t k) const {
    if (affine[k] < 0)
      return v[z[k]];
    const Variable& both = v[static_cast<std::size_t>(affine[k])];
    return batch_norm_eval(v[z[k]], row(both, 0), row(both, 1), Tensor::zeros({C}, DType::kFloat64),
                           Tensor::full({C}, 1.0, DType::kFloat64), {.eps = 0.0});
  }
  std::vector<Variable> all_normalised(std::span<const Variable> v) const {
    std::vector<Variable> branches;
    for (std::size_t k = 0; k < z.size(); ++k)
      branches.push_back(normalised(v, k));
    return branches;
  }
  Variable composed(std::span<const Variable> v) const { return weighted_sum(v[0], all_normalised(v), index); }
};

/// A repeated entry of alpha, branches without affine, two that share z 1, two that share affine 4.
Case shared_case() {
  const Shape z{3, 4, 5, 7};
  return {.values = {noise({4}, 1), noise(z, 2), noise(z, 3), noise(z, 4), noise({2, 4}, 5), noise({2, 4}, 6)},
          .z = {1, 2, 1, 3, 3},
          .affine = {4, -1, 5, 4, -1},
          .index = {0, 3, 1, 3, 0},
          .C = 4};
}

/// Value, gradients, tangent and curvature of sum(g * f(leaves)).
struct Everything {
  Tensor y;
  std::map<int, Tensor> gradients;
  Tensor y_dot;
  std::vector<double> curvature;
};

template <class Build>
Everything everything(const std::vector<Tensor>& values, Build&& build) {
  constexpr std::int64_t kD = 3;
  Tape tape;
  std::vector<Parameter> parameters;
  for (const Tensor& value : values)
    parameters.push_back({.name = "leaf", .value = value});
  std::vector<Variable> leaves;
  std::map<int, Tensor> seeds;
  for (std::size_t i = 0; i < values.size(); ++i) {
    leaves.push_back(tape.leaf(parameters[i]));
    seeds[leaves.back().id().node] = noise(with_directions(values[i].shape(), kD), 20 + i);
  }
  const Variable y = build(leaves);
  const Variable loss = ockham::sum(mul(y, Variable(noise(y.shape(), 40))));
  std::vector<int> nodes(values.size());
  std::iota(nodes.begin(), nodes.end(), 0);
  const Adjoints adjoints(tape, loss, nodes);
  return {y.value(), adjoints.leaf_gradients(), push_forward(tape, y.id(), seeds, kD),
          adjoints.along(seeds, kD, false)};
}

void check_equal(const Everything& a, const Everything& b) {
  BOOST_TEST(difference(a.y, b.y) < 1e-12);
  BOOST_TEST(difference(a.y_dot, b.y_dot) < 1e-12);
  BOOST_TEST_REQUIRE(a.gradients.size() == b.gradients.size());
  for (const auto& [node, gradient] : a.gradients)
    BOOST_TEST(difference(gradient, b.gradients.at(node)) < 1e-12 * (1.0 + max_abs(gradient)), "leaf " << node);
  BOOST_TEST(a.curvature == b.curvature, boost::test_tools::tolerance(1e-12) << boost::test_tools::per_element());
}

Tensor diagonal_of_alpha(const Recorded& run, std::int64_t D, const Tensor& y_bar, Grouping grouping) {
  const Shape alpha = run.saved()[0].shape();
  Tensor H = Tensor::zeros(grouped_shape(alpha, grouping), DType::kFloat64);
  run.op().weight_diagonal(run.saved(), D, std::vector<Tensor>{y_bar}, 0, grouping, H);
  return H;
}

/// Results of all passes on leaves.
std::vector<Tensor> passes(const Case& item, DType dtype) {
  constexpr std::int64_t kD = 2;
  std::vector<Tensor> values;
  std::vector<Variable> constants;
  std::vector<Tensor> dots;
  for (const Tensor& value : item.values) {
    values.push_back(value.to(dtype));
    constants.emplace_back(values.back());
  }
  const Recorded run(values, [&](auto v) { item.mixed(v); });
  const Tensor y = item.mixed(constants).value();
  for (std::size_t i = 0; i < run.saved().tensors.size(); ++i)
    dots.push_back(noise(with_directions(run.saved()[i].shape(), kD), 50 + i).to(dtype));
  const Tensor y_bar = noise(with_directions(y.shape(), kD), 60).to(dtype);
  std::vector<Tensor> results = run.vjp(kD, y_bar);
  results.push_back(y);
  results.push_back(run.jvp(kD, dots));
  results.push_back(Tensor::from(run.curvature(kD, y, dots), {kD}));
  results.push_back(diagonal_of_alpha(run, kD, y_bar, Grouping::kEntry));
  return results;
}

/// Several chunks and blocks; planes of no whole number of vectors; a sweep and a bit.
Case large_case(const Shape& z) {
  Case item{.values = {noise({4}, 1), noise(z, 2), noise(z, 3), noise({2, z[1]}, 4), noise({2, z[1]}, 5)},
            .z = {},
            .affine = {},
            .index = {},
            .C = z[1]};
  for (int k = 0; k < 10; ++k) {
    item.z.push_back(static_cast<std::size_t>(1 + k % 2));
    item.affine.push_back(k % 3 == 0 ? -1 : 3 + k % 2);
    item.index.push_back(k % 4);
  }
  return item;
}

BOOST_AUTO_TEST_SUITE(mix)

BOOST_AUTO_TEST_CASE(it_equals_the_weighted_sum_of_normalised_branches_in_every_pass) {
  const Case item = shared_case();
  check_equal(everything(item.values, [&](auto v) { return item.mixed(v); }),
              everything(item.values, [&](auto v) { return item.composed(v); }));
}

BOOST_AUTO_TEST_CASE(without_affines_it_equals_the_weighted_sum_in_every_pass) {
  Case item = shared_case();
  item.values.resize(4);
  item.affine.assign(5, -1);
  check_equal(everything(item.values, [&](auto v) { return item.mixed(v); }),
              everything(item.values, [&](auto v) { return item.composed(v); }));
}

BOOST_AUTO_TEST_CASE(one_tensor_may_be_alpha_a_branch_and_an_affine) {
  const Case item{
      .values = {noise({2, 3}, 1), noise({2, 3}, 2)}, .z = {0, 1, 0}, .affine = {0, 0, 1}, .index = {5, 0, 2}, .C = 3};
  check_equal(everything(item.values, [&](auto v) { return item.mixed(v); }),
              everything(item.values, [&](auto v) { return item.composed(v); }));
}

BOOST_AUTO_TEST_CASE(a_constant_alpha_leaves_the_other_gradients_as_they_are) {
  const Case item = shared_case();
  const Everything free = everything(item.values, [&](auto v) { return item.mixed(v); });
  const Everything fixed = everything(item.values, [&](auto v) {
    std::vector<Variable> with_constant(v.begin(), v.end());
    with_constant[0] = v[0].detach();
    return item.mixed(with_constant);
  });
  BOOST_TEST(!fixed.gradients.contains(0));
  for (int node = 1; node < 6; ++node)
    BOOST_TEST(difference(fixed.gradients.at(node), free.gradients.at(node)) == 0.0, "leaf " << node);
}

BOOST_AUTO_TEST_CASE(its_weight_diagonal_equals_that_of_the_weighted_sum) {
  constexpr std::int64_t kD = 2;
  const Case item = shared_case();
  std::vector<Variable> constants(item.values.begin(), item.values.end());
  std::vector<Tensor> explicit_values{item.values[0]};
  for (const Variable& branch : item.all_normalised(constants))
    explicit_values.push_back(branch.value());
  const Recorded fused(item.values, [&](auto v) { item.mixed(v); });
  const Recorded plain(explicit_values, [&](auto v) { weighted_sum(v[0], v.subspan(1), item.index); });
  const Tensor y_bar = noise(with_directions(item.values[1].shape(), kD), 41);
  for (Grouping grouping : {Grouping::kEntry, Grouping::kLayer}) {
    const Tensor expected = diagonal_of_alpha(plain, kD, y_bar, grouping);
    BOOST_TEST(difference(diagonal_of_alpha(fused, kD, y_bar, grouping), expected) < 1e-12 * max_abs(expected));
  }
}

BOOST_AUTO_TEST_CASE(its_weight_diagonal_is_refused_for_affines) {
  const Case item = shared_case();
  const Recorded run(item.values, [&](auto v) { item.mixed(v); });
  Tensor H = Tensor::zeros({2, 4}, DType::kFloat64);
  const std::vector<Tensor> y_bar{noise(item.values[1].shape(), 1)};
  BOOST_CHECK_EXCEPTION(run.op().weight_diagonal(run.saved(), 1, y_bar, 6, Grouping::kEntry, H), Error,
                        (test::Says{{"mix", "input 6", "algorithm F"}}));
}

BOOST_AUTO_TEST_CASE(results_have_the_same_bits_at_one_two_and_three_threads) {
  const int before = thread_count();
  for (const Shape& z : {Shape{12, 6, 19, 21}, Shape{3, 2, 70, 71}, Shape{500, 30}}) {
    for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
      const Case item = large_case(z);
      set_thread_count(1);
      const std::vector<Tensor> one = passes(item, dtype);
      for (int threads : {2, 3}) {
        set_thread_count(threads);
        const std::vector<Tensor> more = passes(item, dtype);
        for (std::size_t i = 0; i < one.size(); ++i)
          BOOST_TEST(is_same(one[i], more[i]), z << ", result " << i << " at " << threads << " threads");
      }
    }
  }
  set_thread_count(before);
}

BOOST_AUTO_TEST_CASE(gradients_that_outgrow_the_caches_equal_those_that_do_not) {
  // Five times 8 MB of z_bar are written around the caches; what is added to zeros is not.
  for (const Shape& z : {Shape{64, 16, 32, 32}, Shape{64, 16, 33, 31}}) {
    const Case item{.values = {noise({5}, 1), noise(z, 2), noise({2, 16}, 3)},
                    .z = {1, 1, 1, 1, 1},
                    .affine = {2, -1, 2, -1, 2},
                    .index = {0, 1, 2, 3, 4},
                    .C = 16};
    const Recorded run(item.values, [&](auto v) { item.mixed(v); });
    const Tensor y_bar = noise(z, 4);
    const std::vector<Tensor> around = run.vjp(1, y_bar);
    std::vector<Tensor> through;
    for (const Tensor& gradient : around)
      through.push_back(Tensor::zeros(gradient.shape(), DType::kFloat64));
    std::vector<GradSlot> slots;
    for (Tensor& gradient : through)
      slots.push_back({&gradient, true});
    run.op().vjp(run.saved(), 1, std::vector<Tensor>{y_bar}, slots);
    for (std::size_t i = 0; i < around.size(); ++i)
      BOOST_TEST(difference(around[i], through[i]) == 0.0, z << ", input " << i);
  }
}

BOOST_AUTO_TEST_CASE(every_instruction_set_gives_the_same_results_to_rounding) {
  for (const Shape& z : {Shape{2, 3, 19, 21}, Shape{1, 2, 70, 71}, Shape{7, 30}}) {
    for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
      const Case item = large_case(z);
      const std::vector<Tensor> best = passes(item, dtype);
      test::at_every_level([&](std::string_view level) {
        const std::vector<Tensor> here = passes(item, dtype);
        for (std::size_t i = 0; i < best.size(); ++i) {
          const Tensor expected = best[i].to(DType::kFloat64);
          // Sums of thousands of terms in another order; those of float lanes run over 4096 elements at most.
          const double tolerance = (dtype == DType::kFloat32 ? 1e-5 : 1e-13) * (1.0 + max_abs(expected));
          BOOST_TEST(difference(here[i].to(DType::kFloat64), expected) < tolerance,
                     z << " " << dtype << ", result " << i << " at " << level);
        }
      });
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
