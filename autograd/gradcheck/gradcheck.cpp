#include "autograd/gradcheck/gradcheck.h"

#include <algorithm>

#include "autograd/gradcheck/checks.h"

namespace ockham {
namespace {

std::vector<CheckResult> check(const OpSample& sample, std::uint64_t seed, gradcheck::Witness& witness) {
  const gradcheck::Subject subject{sample, seed};
  std::vector<CheckResult> results;
  check_passes(subject, results);
  check_premises(subject, results, witness);
  check_diagonals(subject, results);
  check_threads(subject, results, witness);
  return results;
}

}  // namespace

std::vector<Tensor> draw_inputs(const OpSample& sample, std::uint64_t seed) {
  return gradcheck::Subject::draw_of(sample, seed);
}

std::vector<CheckResult> check_sample(const OpSample& sample, std::uint64_t seed) {
  gradcheck::Witness ignored;
  return check(sample, seed, ignored);
}

std::vector<CheckResult> check_case(const OpCase& op_case, std::uint64_t seed) {
  std::vector<CheckResult> results;
  gradcheck::Witness seen;
  bool says_that_it_couples = false;
  for (const OpSample& sample : op_case.samples) {
    for (CheckResult& result : check(sample, seed, seen)) {
      result.check = concat(sample.name, ": ", result.check);
      results.push_back(std::move(result));
    }
    says_that_it_couples |= sample.make()->couples_samples();
  }
  results.push_back({"couples", says_that_it_couples == seen.couples ? 0.0 : 1.0, 0.0});
  results.push_back({"chunks", op_case.is_serial != seen.shares_loops ? 0.0 : 1.0, 0.0});
  return results;
}

std::string refusal_of(const BadSample& bad) {
  try {
    const std::unique_ptr<Op> op = bad.make();
    require_input_count(*op, bad.inputs);
    op->infer(bad.inputs);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace ockham
