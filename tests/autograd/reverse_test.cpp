#include "autograd/reverse.h"

#include <limits>

#include "engine/math.h"
#include "ops/ops.h"
#include "tests/autograd/values.h"
#include "tests/support.h"

using namespace ockham;
using ockham::test::make_parameter;
using ockham::test::Says;

namespace {

void check_gradient(const Parameter& parameter, const std::vector<double>& expected) {
  BOOST_REQUIRE(parameter.grad.is_defined());
  BOOST_TEST(parameter.grad.span<double>() == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reverse)

BOOST_AUTO_TEST_CASE(gradients_of_a_small_program_equal_the_hand_computation) {
  Parameter a = make_parameter("a", {2.0, -3.0});
  Parameter b = make_parameter("b", {5.0, 7.0});
  Tape tape;
  const Variable x = tape.leaf(a);
  const Variable y = tape.leaf(b);
  backward(sum(add(mul(x, y), square(x))));  // d/da = b + 2a, d/db = a
  check_gradient(a, {9.0, 1.0});
  check_gradient(b, {2.0, -3.0});
}

BOOST_AUTO_TEST_CASE(an_operand_used_twice_by_one_op_gets_both_shares) {
  Parameter a = make_parameter("a", {2.0, -3.0});
  Tape tape;
  const Variable x = tape.leaf(a);
  backward(sum(add(x, x)));
  check_gradient(a, {2.0, 2.0});
  tape.clear();
  const Variable again = tape.leaf(a);
  backward(sum(mul(again, again)));
  check_gradient(a, {4.0, -6.0});
}

// Every hand-over of a cotangent could hand over a shared buffer: a later addition would then change its other owner.
BOOST_AUTO_TEST_CASE(fan_outs_do_not_share_cotangent_buffers) {
  Parameter a = make_parameter("a", {2.0, -3.0});
  Parameter b = make_parameter("b", {5.0, 7.0});
  Tape tape;
  const Variable x = tape.leaf(a);
  const Variable y = tape.leaf(b);
  const Variable s = add(x, y);       // both inputs receive the cotangent of s
  const Variable t = add(s, x);       // x is reached again, after s
  const Variable u = add({t, s, x});  // and again: u = 4a + 2b
  backward(sum(u));
  check_gradient(a, {4.0, 4.0});
  check_gradient(b, {2.0, 2.0});
}

BOOST_AUTO_TEST_CASE(accumulation_adds_to_the_gradient_and_replacement_does_not) {
  Parameter a = make_parameter("a", {2.0, -3.0});
  Tape tape;
  backward(sum(square(tape.leaf(a))), false, true);
  check_gradient(a, {4.0, -6.0});
  tape.clear();
  backward(sum(square(tape.leaf(a))), true);
  check_gradient(a, {8.0, -12.0});
  tape.clear();
  backward(sum(tape.leaf(a)), false);
  check_gradient(a, {1.0, 1.0});
}

BOOST_AUTO_TEST_CASE(replaced_gradients_leave_old_handles_alone) {
  Parameter a = make_parameter("a", {2.0, -3.0});
  Tape tape;
  backward(sum(square(tape.leaf(a))));
  const Tensor before = a.grad;
  tape.clear();
  backward(sum(tape.leaf(a)));
  BOOST_TEST(before.data<double>()[0] == 4.0);
}

BOOST_AUTO_TEST_CASE(a_kept_tape_can_be_swept_again) {
  Parameter a = make_parameter("a", {2.0, -3.0});
  Tape tape;
  const Variable loss = sum(square(tape.leaf(a)));
  backward(loss, false, true);
  BOOST_TEST(tape.saved_bytes() > 0u);
  backward(loss, true);
  check_gradient(a, {8.0, -12.0});
  BOOST_TEST(tape.saved_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_parameter_that_the_loss_does_not_read_keeps_its_gradient) {
  Parameter a = make_parameter("a", {2.0});
  Parameter idle = make_parameter("idle", {1.0});
  idle.grad = Tensor::from({42.0}, {1});
  Tape tape;
  const Variable unused = square(tape.leaf(idle));
  backward(sum(tape.leaf(a)));
  check_gradient(idle, {42.0});
  BOOST_TEST(unused.value().data<double>()[0] == 1.0);
}

BOOST_AUTO_TEST_CASE(a_scalar_parameter_gets_a_scalar_gradient) {
  Parameter s{.name = "s", .value = Tensor::scalar(3.0, DType::kFloat64)};
  Tape tape;
  backward(sum(scale(Tensor::from({1.0, 2.0}, {2}), tape.leaf(s))));
  BOOST_TEST(s.grad.rank() == 0);
  BOOST_TEST(s.grad.item() == 3.0);
}

BOOST_AUTO_TEST_CASE(a_non_finite_loss_gives_a_non_finite_gradient) {
  Parameter a = make_parameter("a", {std::numeric_limits<double>::infinity()});
  Tape tape;
  backward(sum(square(tape.leaf(a))));
  BOOST_TEST(!is_finite(a.grad));
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_no_number_is_refused) {
  Parameter a = make_parameter("a", {2.0, -3.0});
  Tape tape;
  BOOST_CHECK_EXCEPTION(backward(square(tape.leaf(a))), ShapeError, (Says{{"backward", "[2]", "one element"}}));
}

BOOST_AUTO_TEST_CASE(a_loss_without_parameters_is_refused) {
  BOOST_CHECK_EXCEPTION(backward(mean(Tensor::full({2}, 1.0))), Error, (Says{{"no parameter", "Tape::leaf"}}));
}

BOOST_AUTO_TEST_SUITE_END()
