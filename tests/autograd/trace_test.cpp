// What a pass did can be told from its trace.
#include "autograd/trace.h"

#include "autograd/module.h"
#include "engine/error.h"
#include "ops/add/add.h"
#include "ops/relu/relu.h"
#include "tests/support.h"

namespace ockham {

BOOST_AUTO_TEST_SUITE(trace)

BOOST_AUTO_TEST_CASE(ops_are_kept_in_order_with_the_values_that_went_through_them) {
  const Tensor x = Tensor::from({-1.0f, 2.0f}, {2});
  const Trace trace;
  const Variable y = relu(x);
  const Variable z = add(y, x);
  BOOST_REQUIRE(trace.calls().size() == 2u);
  BOOST_TEST(trace.calls()[0].op->name() == "relu");
  BOOST_TEST(trace.calls()[0].x[0].shares_storage_with(x));
  BOOST_TEST(trace.calls()[1].x[0].shares_storage_with(trace.calls()[0].y[0]));
  BOOST_TEST(trace.calls()[1].y[0].shares_storage_with(z.value()));
}

BOOST_AUTO_TEST_CASE(a_call_may_say_whose_it_is) {
  const Tensor x = Tensor::from({-1.0f, 2.0f}, {2});
  const Module owner;
  Trace trace;
  const Variable y = relu(x);
  trace.claim_last(owner);
  relu(y);
  BOOST_TEST(trace.calls()[0].owner == &owner);
  BOOST_TEST(trace.calls()[1].owner == nullptr);
}

BOOST_AUTO_TEST_CASE(recorded_passes_are_traced_too_and_nothing_is_after_the_end) {
  Parameter x{.name = "x", .value = Tensor::from({1.0f}, {1})};
  Tape tape;
  {
    const Trace trace;
    relu(tape.leaf(x));
    BOOST_TEST(trace.calls().size() == 1u);
    BOOST_CHECK_EXCEPTION(Trace(), Error, (test::Says{{"has one already"}}));
  }
  BOOST_TEST(Trace::current() == nullptr);
  relu(tape.leaf(x));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
