// Every piece of every registered op, on every sample that its author declared.
#include "autograd/gradcheck/gradcheck.h"
#include "tests/support.h"

BOOST_AUTO_TEST_SUITE(automatic)

// A loop and not a data-driven case: Boost would read the registry before the ops have registered.
BOOST_AUTO_TEST_CASE(every_piece_and_premise_of_every_op_holds) {
  for (const ockham::OpCase& op_case : ockham::OpRegistry::instance().cases()) {
    BOOST_TEST(!op_case.samples.empty(), op_case.name << " has no samples");
    for (std::uint64_t seed : {1u, 2u}) {
      for (const ockham::CheckResult& result : ockham::check_case(op_case, seed))
        BOOST_CHECK_MESSAGE(result.passed(), op_case.name << ": " << result.check << " error " << result.error
                                                          << " passes the tolerance " << result.tolerance);
    }
  }
}

BOOST_AUTO_TEST_CASE(bad_inputs_are_refused_with_their_numbers) {
  for (const ockham::OpCase& op_case : ockham::OpRegistry::instance().cases()) {
    for (const ockham::BadSample& bad : op_case.bad) {
      const std::string message = ockham::refusal_of(bad);
      BOOST_CHECK_MESSAGE(!message.empty(), op_case.name << " accepted inputs that it should refuse");
      for (const std::string& part : bad.message_parts)
        BOOST_CHECK_MESSAGE(message.find(part) != std::string::npos,
                            op_case.name << ": the message '" << message << "' lacks '" << part << "'");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
