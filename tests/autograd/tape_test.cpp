#include "autograd/tape.h"

#include "autograd/reverse.h"
#include "autograd/sweep.h"
#include "ops/ops.h"
#include "tests/autograd/values.h"
#include "tests/support.h"

using namespace ockham;
using ockham::test::make_parameter;
using ockham::test::Says;

BOOST_AUTO_TEST_SUITE(tape)

BOOST_AUTO_TEST_CASE(a_parameter_has_one_leaf_however_often_it_is_used) {
  Parameter w = make_parameter("w", {1.0, 2.0});
  Tape tape;
  const Variable a = tape.leaf(w);
  const Variable b = tape.leaf(w);
  BOOST_CHECK(a.id() == b.id());
  BOOST_TEST(tape.nodes().size() == 1u);
  BOOST_TEST(tape.nodes()[0].parameter == &w);
}

BOOST_AUTO_TEST_CASE(ops_on_constants_keep_nothing) {
  const Variable y = mul(Tensor::full({3}, 2.0), Tensor::full({3}, 4.0));
  BOOST_TEST(!y.is_recorded());
  BOOST_TEST(y.value().data<float>()[2] == 8.0f);
  Tape tape;
  Parameter w = make_parameter("w", {1.0, 2.0});
  const Variable constant = mul(tape.leaf(w).detach(), Tensor::full({2}, 3.0, DType::kFloat64));
  BOOST_TEST(!constant.is_recorded());
  BOOST_TEST(tape.nodes().size() == 1u);
}

BOOST_AUTO_TEST_CASE(nodes_stand_in_the_order_of_execution) {
  Parameter w = make_parameter("w", {1.0, 2.0});
  Tape tape;
  const Variable x = tape.leaf(w);
  const Variable y = add(square(x), relu(x));
  BOOST_TEST(tape.nodes().size() == 4u);
  for (std::size_t n = 0; n < tape.nodes().size(); ++n) {
    for (const ValueId& input : tape.nodes()[n].inputs)
      BOOST_TEST(input.node < static_cast<int>(n));
  }
  BOOST_TEST(y.id().node == 3);
}

BOOST_AUTO_TEST_CASE(a_variable_of_a_finished_step_is_refused_with_both_generations) {
  Parameter w = make_parameter("w", {1.0, 2.0});
  Tape tape;
  const Variable stale = square(tape.leaf(w));
  tape.clear();
  BOOST_CHECK_EXCEPTION(stale.id(), Error, (Says{{"finished step", "generation 1, now 2"}}));
  BOOST_CHECK_EXCEPTION(relu(stale), Error, (Says{{"generation 1, now 2"}}));
  BOOST_CHECK_EXCEPTION(backward(sum(stale)), Error, (Says{{"finished step"}}));
  BOOST_TEST(stale.value().data<double>()[1] == 4.0);  // its values stay
}

BOOST_AUTO_TEST_CASE(clearing_forgets_nodes_and_leaves) {
  Parameter w = make_parameter("w", {1.0, 2.0});
  Tape tape;
  square(tape.leaf(w));
  tape.clear();
  BOOST_TEST(tape.nodes().empty());
  BOOST_TEST(tape.saved_bytes() == 0u);
  BOOST_TEST(tape.leaf(w).id().node == 0);
}

BOOST_AUTO_TEST_CASE(inputs_from_two_tapes_are_refused) {
  Parameter w = make_parameter("w", {1.0, 2.0});
  Tape first;
  Tape second;
  const Variable a = first.leaf(w);
  const Variable b = second.leaf(w);
  BOOST_CHECK_EXCEPTION(add(a, b), Error, (Says{{"add", "two tapes", "one step on one tape"}}));
}

BOOST_AUTO_TEST_CASE(a_non_contiguous_input_is_recorded_with_its_row_major_copy) {
  Parameter w{.name = "w", .value = Tensor::from({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, {2, 3})};
  Tape tape;
  const Variable y = mul(tape.leaf(w), Variable(Tensor::from({1.0, 3.0, 5.0, 2.0, 4.0, 6.0}, {3, 2}).transpose(0, 1)));
  BOOST_TEST(y.value().data<double>()[1] == 2.0 * 5.0);
  BOOST_TEST(y.value().data<double>()[5] == 6.0 * 6.0);
}

BOOST_AUTO_TEST_CASE(saved_bytes_count_what_the_ops_keep) {
  Parameter w = make_parameter("w", {1.0, 2.0});
  Tape tape;
  const Variable x = tape.leaf(w);
  BOOST_TEST(tape.saved_bytes() == 0u);
  add(x, x);  // keeps nothing
  BOOST_TEST(tape.saved_bytes() == 0u);
  mul(x, x);  // keeps both factors
  BOOST_TEST(tape.saved_bytes() == 2 * storage_bytes(w.value));
}

BOOST_AUTO_TEST_CASE(what_ops_saved_is_freed_node_by_node_behind_the_reverse_sweep) {
  Parameter w = make_parameter("w", {1.0, 2.0});
  Tape tape;
  const Variable loss = sum(square(square(square(tape.leaf(w)))));
  std::vector<std::size_t> bytes;
  PullOptions options;
  options.frees_saved = true;
  options.visit = [&](int, Inputs, Inputs) { bytes.push_back(tape.saved_bytes()); };
  pull_back(tape, loss.id(), Tensor::full({1}, 1.0, DType::kFloat64), options);
  const std::size_t each = storage_bytes(w.value);
  const std::vector<std::size_t> expected = {3 * each, 3 * each, 2 * each, each};  // before sum, square, square, square
  BOOST_TEST(bytes == expected, boost::test_tools::per_element());
  BOOST_TEST(tape.saved_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_second_sweep_over_a_freed_tape_is_refused) {
  Parameter w = make_parameter("w", {1.0, 2.0});
  Tape tape;
  const Variable loss = sum(square(tape.leaf(w)));
  backward(loss);
  BOOST_CHECK_EXCEPTION(backward(loss), Error, (Says{{"freed", "keeps_saved"}}));
  const std::map<int, Tensor> seeds = {{0, Tensor::full({2}, 1.0, DType::kFloat64)}};
  BOOST_CHECK_EXCEPTION(push_forward(tape, loss.id(), seeds, 1), Error, (Says{{"freed", "keeps_saved"}}));
}

BOOST_AUTO_TEST_SUITE_END()
