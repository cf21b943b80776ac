// What a Profile sees of the sweeps: which passes ran on which ops, how often, and their bytes and arithmetic.
#include "autograd/profile.h"

#include <map>

#include "autograd/hessian.h"
#include "autograd/optim/sgd.h"
#include "autograd/reverse.h"
#include "ops/linear/linear.h"
#include "ops/relu/relu.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/support.h"

namespace ockham {
namespace {

constexpr std::int64_t kSamples = 6, kInputs = 5, kHidden = 4, kClasses = 3;

struct Net {
  Tensor x = Tensor::full({kSamples, kInputs}, 0.5, DType::kFloat64);
  Tensor labels = Tensor::zeros({kSamples}, DType::kInt64);
  Parameter first{.name = "first", .value = Tensor::full({kHidden, kInputs}, 0.1, DType::kFloat64)};
  Parameter second{.name = "second", .value = Tensor::full({kClasses, kHidden}, 0.2, DType::kFloat64)};

  Variable loss(Tape& tape) {
    return softmax_cross_entropy(linear(relu(linear(x, tape.leaf(first))), tape.leaf(second)), labels);
  }
  void step() {
    Tape tape;
    backward(loss(tape));
    clip_gradients({&first, &second}, 1.0);
    Sgd({&first, &second}, {}).step(0.1);
  }
};

/// Rows by "pass op", calls and sums of their details together.
std::map<std::string, Profile::Row> by_op(const Profile& profile) {
  std::map<std::string, Profile::Row> result;
  for (const Profile::Row& row : profile.rows()) {
    Profile::Row& sum = result[row.call.pass + ' ' + row.call.op];
    sum.calls += row.calls;
    sum.seconds += row.seconds;
    sum.call.bytes += row.call.bytes;
    sum.call.flops += row.call.flops;
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(profile)

BOOST_AUTO_TEST_CASE(every_pass_of_a_step_is_a_row_with_its_calls_bytes_and_arithmetic) {
  Net net;
  Profile profile;
  net.step();
  profile.stop();
  auto rows = by_op(profile);
  BOOST_TEST(rows["forward linear"].calls == 2);
  BOOST_TEST(rows["vjp linear"].calls == 2);
  BOOST_TEST(rows["vjp relu"].calls == 1);
  BOOST_TEST(rows["optimizer clip"].calls == 1);
  BOOST_TEST(rows["optimizer sgd"].calls == 1);
  const double forward = 2.0 * kSamples * kHidden * (kInputs + kClasses);
  BOOST_TEST(rows["forward linear"].call.flops == forward);
  // The first layer's input wants no cotangent: only its weight's.
  BOOST_TEST(rows["vjp linear"].call.flops == forward + 2.0 * kSamples * kHidden * kClasses);
  BOOST_TEST(rows["forward relu"].call.bytes == 2.0 * kSamples * kHidden * sizeof(double));
  BOOST_TEST(rows["optimizer sgd"].call.bytes == 5.0 * kHidden * (kInputs + kClasses) * sizeof(double));
}

BOOST_AUTO_TEST_CASE(rows_and_what_is_outside_add_up_to_the_time_of_the_whole) {
  Net net;
  Profile profile;
  net.step();
  profile.stop();
  double sum = 0.0;
  double last = profile.seconds();
  for (const Profile::Row& row : profile.rows()) {
    BOOST_TEST(row.seconds <= last);  // longest first
    last = row.seconds;
    sum += row.seconds;
  }
  BOOST_TEST(sum > 0.0);
  BOOST_TEST(sum + profile.seconds_outside() == profile.seconds(), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(profile.seconds_outside() >= 0.0);
}

BOOST_AUTO_TEST_CASE(exact_passes_report_curvature_and_diagonals) {
  Net net;
  Profile profile;
  for (HessianAlgorithm algorithm : {HessianAlgorithm::kReverse, HessianAlgorithm::kForward}) {
    Tape tape;
    std::vector<Parameter*> second{&net.second};
    hessian_diagonal(net.loss(tape), second, {.algorithm = algorithm, .directions = 2});
  }
  profile.stop();
  auto rows = by_op(profile);
  BOOST_TEST(rows["weight_diagonal linear"].calls == 1);  // two columns, one sweep of two directions
  BOOST_TEST(rows["factor softmax_cross_entropy"].calls == 1);
  BOOST_TEST(rows["jvp_curvature softmax_cross_entropy"].calls == kClasses * kHidden / 2);
  BOOST_TEST(rows["jvp_curvature linear"].calls == kClasses * kHidden / 2);
}

BOOST_AUTO_TEST_CASE(nothing_is_collected_outside_its_life_and_two_at_once_are_refused) {
  Net net;
  BOOST_TEST(Profile::current() == nullptr);
  Profile profile;
  BOOST_CHECK_EXCEPTION(Profile(), Error, (test::Says{{"profile", "stop"}}));
  BOOST_TEST(Profile::current() == &profile);
  profile.stop();
  net.step();
  BOOST_TEST(profile.rows().empty());
  BOOST_TEST(Profile::current() == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham
