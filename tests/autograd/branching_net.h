#pragma once
// A small network with what makes second derivatives hard: branches that meet again, batch norms, pools, two mixes of
// operations by switches, all in float64.
#include "autograd/module.h"
#include "ops/ops.h"
#include "tests/autograd/values.h"

namespace ockham::test {

struct BranchingNet {
  static constexpr std::int64_t kClasses = 5;

  BatchNormMode mode = BatchNormMode::kRunning;
  bool shares_switches = false;  ///< both mixes use alpha0
  Tensor x = noise({4, 2, 5, 6}, 1);
  Tensor labels = Tensor::from<std::int64_t>({1, 4, 0, 2}, {4});

  Parameter stem = {.name = "stem", .value = noise({3, 2, 3, 3}, 2, 0.4)};
  Parameter gamma = {.name = "gamma", .value = noise({3}, 3)};
  Parameter beta = {.name = "beta", .value = noise({3}, 4)};
  Parameter left = {.name = "left", .value = noise({3, 3, 1, 1}, 5, 0.7)};
  Parameter right = {.name = "right", .value = noise({3, 1, 3, 3}, 6, 0.5)};
  Parameter alpha0 = {.name = "alpha0", .value = noise({3}, 7), .kind = ParameterKind::kSwitch};
  Parameter alpha1 = {.name = "alpha1", .value = noise({3}, 8), .kind = ParameterKind::kSwitch};
  Parameter weight = {.name = "classifier.weight", .value = noise({kClasses, 3}, 9)};
  Parameter bias = {.name = "classifier.bias", .value = noise({kClasses}, 10)};

  std::vector<Parameter*> switches() {
    if (shares_switches)
      return {&alpha0};
    return {&alpha0, &alpha1};
  }
  std::vector<Parameter*> all() { return {&stem, &gamma, &beta, &left, &right, &alpha0, &alpha1, &weight, &bias}; }

  Variable logits(Tape& tape) {
    const Variable first = normalise(tape, conv2d(x, tape.leaf(stem), {.pad = 1}));
    const Variable mixed = weighted_sum(
        tape.leaf(alpha0),
        std::vector{conv2d(first, tape.leaf(left)), conv2d(first, tape.leaf(right), {.pad = 1, .groups = 3}), first});
    const Variable y = relu(add(mixed, first));
    const Variable second =
        weighted_sum(tape.leaf(shares_switches ? alpha0 : alpha1),
                     std::vector{max_pool2d(y, {.kernel = 3, .stride = 1, .pad = 1}),
                                 avg_pool2d(y, {.kernel = 3, .stride = 1, .pad = 1, .count_include_pad = false}), y});
    return add_bias(linear(global_avg_pool(second), tape.leaf(weight)), tape.leaf(bias));
  }
  Variable loss(Tape& tape) { return softmax_cross_entropy(logits(tape), labels); }

 private:
  Variable normalise(Tape& tape, const Variable& y) {
    const BatchNormAttrs attrs{.eps = 1e-3};
    if (mode == BatchNormMode::kBatch)
      return batch_norm_train(y, tape.leaf(gamma), tape.leaf(beta), attrs).y;
    return batch_norm_eval(y, tape.leaf(gamma), tape.leaf(beta), Tensor::from({0.1, -0.2, 0.3}, {3}).to(x.dtype()),
                           Tensor::from({0.8, 1.2, 1.5}, {3}).to(x.dtype()), attrs);
  }
};

}  // namespace ockham::test
