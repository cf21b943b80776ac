#include <cmath>

#include "autograd/module.h"
#include "engine/math.h"
#include "tests/support.h"

using namespace ockham;

namespace {

class Leaf : public Module {
 public:
  explicit Leaf(std::int64_t size) {
    add_parameter("weight", Tensor::zeros({size, 2}));
    add_parameter("running_mean", Tensor::zeros({size}), ParameterKind::kBuffer);
  }
};

class Tree : public Module {
 public:
  Tree() {
    add_parameter("alpha", Tensor::zeros({3}), ParameterKind::kSwitch);
    add("cells", std::make_unique<Branch>());
    add("", std::make_unique<Leaf>(5));
  }

 private:
  class Branch : public Module {
   public:
    Branch() {
      add("0", std::make_unique<Leaf>(2));
      add("1", std::make_unique<Leaf>(3));
    }
  };
};

std::vector<std::string> names_of(const std::vector<Parameter*>& parameters) {
  std::vector<std::string> names;
  for (const Parameter* parameter : parameters)
    names.push_back(parameter->name);
  return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(modules)

BOOST_AUTO_TEST_CASE(names_join_with_dots_in_order_of_construction) {
  Tree tree;
  const std::vector<std::string> expected = {"alpha",          "cells.0.weight",       "cells.0.running_mean",
                                             "cells.1.weight", "cells.1.running_mean",
                                             "weight",  // the child without a name
                                             "running_mean"};
  BOOST_TEST(names_of(tree.state()) == expected, boost::test_tools::per_element());
  BOOST_TEST(names_of(tree.state()) == expected, boost::test_tools::per_element());  // asking again changes nothing
}

BOOST_AUTO_TEST_CASE(modules_of_a_class_are_found_by_their_names) {
  Tree tree;
  std::vector<std::string> names;
  for (const auto& [name, leaf] : tree.modules<Leaf>()) {
    names.push_back(name);
    BOOST_TEST(leaf->state().size() == 2u);
  }
  const std::vector<std::string> expected{"cells.0", "cells.1", ""};
  BOOST_TEST(names == expected, boost::test_tools::per_element());
  BOOST_TEST(tree.modules<Tree>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(parameters_are_told_apart_by_kind) {
  Tree tree;
  const std::vector<std::string> weights = {"cells.0.weight", "cells.1.weight", "weight"};
  BOOST_TEST(names_of(tree.parameters(ParameterKind::kWeight)) == weights, boost::test_tools::per_element());
  BOOST_TEST(tree.parameters(ParameterKind::kSwitch).size() == 1u);
  BOOST_TEST(tree.parameters(ParameterKind::kBuffer).size() == 3u);
  BOOST_TEST(count_elements(tree.parameters(ParameterKind::kWeight)) == 2 * (2 + 3 + 5));
}

BOOST_AUTO_TEST_CASE(a_parameter_is_a_leaf_where_a_tape_records_and_a_constant_elsewhere) {
  Tree tree;
  Parameter& alpha = *tree.state().front();
  Tape tape;
  Context recording;
  recording.tape = &tape;
  BOOST_TEST(recording.use(alpha).is_recorded());
  BOOST_TEST(!Context{}.use(alpha).is_recorded());
}

BOOST_AUTO_TEST_CASE(initial_weights_follow_the_seed_and_the_order_of_construction) {
  Initial first{.seed = 3};
  Initial same{.seed = 3};
  Initial other{.seed = 4};
  const Tensor a = first.uniform_fan_in({50, 8}, 16);
  const Tensor b = first.uniform_fan_in({50, 8}, 16);
  BOOST_TEST(a.span<float>() == same.uniform_fan_in({50, 8}, 16).span<float>(), boost::test_tools::per_element());
  BOOST_TEST(a.data<float>()[0] != b.data<float>()[0]);
  BOOST_TEST(a.data<float>()[0] != other.uniform_fan_in({50, 8}, 16).data<float>()[0]);
  BOOST_TEST(max_abs(a) <= 0.25);
  BOOST_TEST(max_abs(a) > 0.24);
  BOOST_TEST(std::abs(sum(a)) < 400 * 0.25 / std::sqrt(3.0 * 400) * 4);  // four standard deviations
}

BOOST_AUTO_TEST_SUITE_END()
