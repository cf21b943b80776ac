#include "autograd/sweep.h"

#include <cmath>

#include "engine/math.h"
#include "ops/ops.h"
#include "tests/autograd/values.h"
#include "tests/support.h"

using namespace ockham;
using ockham::test::noise;
using ockham::test::Says;

namespace {

/// Branches that meet again, an operand used twice and a value read by three ops.
struct Branching {
  Parameter a{.name = "a", .value = noise({2, 3}, 1)};
  Parameter b{.name = "b", .value = noise({2, 3}, 2)};
  Parameter alpha{.name = "alpha", .value = noise({2}, 3)};
  Tape tape;
  Variable y;

  Branching() : Branching(0.0, Tensor()) {}
  /// a moved by h * t
  Branching(double h, const Tensor& t) {
    if (t)
      axpy(h, t, a.value);
    const Variable x = tape.leaf(a);
    const Variable left = silu(mul(x, tape.leaf(b)));
    const Variable right = relu(add(x, left));
    const Variable mixed = weighted_sum(tape.leaf(alpha), std::vector{left, right});
    y = mul(add({mixed, x, right}), mixed);
  }
  std::vector<int> leaves() {
    const std::vector<Parameter*> parameters = {&a, &b, &alpha};
    return leaf_nodes(tape, parameters);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sweep)

BOOST_AUTO_TEST_CASE(pulling_back_is_the_adjoint_of_pushing_forward) {
  Branching net;
  const std::int64_t D = 3;
  std::map<int, Tensor> seeds;
  for (int leaf : net.leaves())
    seeds.emplace(leaf, noise(with_directions(net.tape.nodes()[static_cast<std::size_t>(leaf)].outputs[0].shape, D),
                              static_cast<std::uint64_t>(leaf)));
  const Tensor y_dot = push_forward(net.tape, net.y.id(), seeds, D);
  const Tensor y_bar = noise(y_dot.shape(), 9);
  PullOptions options;
  options.D = D;
  const std::map<int, Tensor> x_bar = pull_back(net.tape, net.y.id(), y_bar.clone(), options);
  const std::vector<double> forward = grouped_dot(y_dot, y_bar, D);
  std::vector<double> reverse(static_cast<std::size_t>(D));
  for (const auto& [leaf, cotangent] : x_bar) {
    const std::vector<double> part = grouped_dot(seeds.at(leaf), cotangent, D);
    for (std::size_t d = 0; d < part.size(); ++d)
      reverse[d] += part[d];
  }
  BOOST_TEST(x_bar.size() == 3u);
  BOOST_TEST(forward == reverse, boost::test_tools::tolerance(1e-13) << boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(directions_together_equal_directions_one_by_one) {
  Branching net;
  const int leaf = net.leaves()[0];
  const Tensor three = noise({3 * 2, 3}, 4);
  const Tensor together = push_forward(net.tape, net.y.id(), {{leaf, three}}, 3);
  for (std::int64_t d = 0; d < 3; ++d) {
    const Tensor one = push_forward(net.tape, net.y.id(), {{leaf, three.slice(0, 2 * d, 2 * d + 2).clone()}}, 1);
    for (std::int64_t i = 0; i < 6; ++i)
      BOOST_TEST(together.data<double>()[6 * d + i] == one.data<double>()[i]);
  }
}

BOOST_AUTO_TEST_CASE(a_tangent_equals_the_central_difference) {
  Branching net;
  const Tensor t = noise({2, 3}, 4);
  const Tensor y_dot = push_forward(net.tape, net.y.id(), {{net.leaves()[0], t}}, 1);
  const double h = 1e-6;
  Tensor difference = Tensor::zeros({2, 3}, DType::kFloat64);
  for (double sign : {1.0, -1.0}) {
    const Branching moved(sign * h, t);
    axpy(sign / (2.0 * h), moved.y.value(), difference);
  }
  for (std::int64_t i = 0; i < 6; ++i)
    BOOST_TEST(std::abs(y_dot.data<double>()[i] - difference.data<double>()[i]) < 1e-8);
}

BOOST_AUTO_TEST_CASE(no_tangent_arrives_where_nothing_depends_on_the_seeds) {
  Parameter a{.name = "a", .value = noise({2}, 1)};
  Parameter b{.name = "b", .value = noise({2}, 2)};
  Tape tape;
  const Variable y = square(tape.leaf(a));
  const Variable z = square(tape.leaf(b));
  const Tensor nothing = push_forward(tape, y.id(), {{z.id().node - 1, noise({2}, 3)}}, 1);
  BOOST_TEST(!nothing.is_defined());
}

BOOST_AUTO_TEST_CASE(dependents_are_the_nodes_downstream) {
  Parameter a{.name = "a", .value = noise({2}, 1)};
  Parameter b{.name = "b", .value = noise({2}, 2)};
  Tape tape;
  const Variable x = tape.leaf(a);  // 0
  const Variable u = square(x);     // 1
  const Variable y = tape.leaf(b);  // 2
  const Variable v = square(y);     // 3
  const Variable w = add(u, v);     // 4
  const std::vector<int> leaves = {2};
  const std::vector<char> expected = {0, 0, 1, 1, 1};
  BOOST_TEST(dependents_of(tape, leaves) == expected, boost::test_tools::per_element());
  BOOST_TEST(w.id().node == 4);
}

BOOST_AUTO_TEST_CASE(only_active_nodes_are_visited) {
  Branching net;
  const std::vector<int> leaves = {net.leaves()[2]};  // alpha: the first branch is upstream of it
  const std::vector<char> active = dependents_of(net.tape, leaves);
  std::vector<int> visited;
  PullOptions options;
  options.active = &active;
  options.visit = [&](int node, Inputs, Inputs) { visited.push_back(node); };
  const auto cotangents = pull_back(net.tape, net.y.id(), noise({2, 3}, 1), options);
  BOOST_TEST(cotangents.size() == 1u);
  for (int node : visited)
    BOOST_TEST(active[static_cast<std::size_t>(node)] == 1);
  BOOST_TEST(visited.size() == 3u);  // mul, add, weighted_sum
}

BOOST_AUTO_TEST_CASE(a_parameter_that_is_not_on_the_tape_is_named) {
  Branching net;
  Parameter stranger{.name = "cells.0.stranger", .value = noise({2}, 1)};
  const std::vector<Parameter*> parameters = {&net.a, &stranger};
  BOOST_CHECK_EXCEPTION(leaf_nodes(net.tape, parameters), Error, (Says{{"cells.0.stranger", "not used in this step"}}));
}

BOOST_AUTO_TEST_CASE(peak_bytes_count_the_values_alive_together) {
  Parameter a{.name = "a", .value = noise({2, 3}, 1)};  // 48 bytes a value
  Tape tape;
  const Variable x = tape.leaf(a);
  const Variable chain = square(square(square(x)));
  const std::vector<int> leaves = {0};
  BOOST_TEST(peak_bytes_per_direction(tape, chain.id(), dependents_of(tape, leaves)) == 2 * 48u);
  const Variable fan = add({square(chain), square(chain), square(chain)});
  // The sum and its three terms, or chain with its three squares.
  BOOST_TEST(peak_bytes_per_direction(tape, fan.id(), dependents_of(tape, leaves)) == 4 * 48u);
  const Variable held = add(fan, x);  // x stays alive over all of it
  BOOST_TEST(peak_bytes_per_direction(tape, held.id(), dependents_of(tape, leaves)) == 5 * 48u);
}

BOOST_AUTO_TEST_SUITE_END()
