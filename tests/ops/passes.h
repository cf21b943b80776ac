#pragma once
// The passes of an op that was just recorded, for tests of identities that a single pass must satisfy.
#include <functional>

#include "autograd/side_interfaces.h"
#include "autograd/tape.h"
#include "engine/math.h"
#include "engine/random.h"

namespace ockham::test {

inline Tensor noise(const Shape& shape, std::uint64_t stream) {
  Tensor t(shape, DType::kFloat64);
  fill_normal(t, {.seed = 11, .purpose = Purpose::kTest, .step = stream});
  return t;
}

/// Records an op on leaves with the values given and keeps its node.
class Recorded {
 public:
  using Build = std::function<void(std::span<const Variable> leaves)>;

  Recorded(const std::vector<Tensor>& values, const Build& build) {
    parameters_.reserve(values.size());
    std::vector<Variable> leaves;
    for (const Tensor& value : values) {
      parameters_.push_back({.name = "leaf", .value = value, .grad = {}});
      leaves.push_back(tape_.leaf(parameters_.back()));
    }
    build(leaves);
  }

  const Op& op() const { return *node().op; }
  const Saved& saved() const { return node().saved; }

  /// Cotangents of all inputs.
  std::vector<Tensor> vjp(std::int64_t D, const Tensor& y_bar) const {
    std::vector<Tensor> x_bar;
    for (const Spec& spec : node().input_specs)
      x_bar.emplace_back(with_directions(spec.shape, D), spec.dtype);
    std::vector<GradSlot> slots;
    for (std::size_t i = 0; i < x_bar.size(); ++i)
      slots.push_back(op().is_differentiable(i) ? GradSlot{&x_bar[i], false} : GradSlot{});
    std::vector<Tensor> y_bars(node().outputs.size());
    y_bars[0] = y_bar;
    op().vjp(saved(), D, y_bars, slots);
    return x_bar;
  }

  Tensor jvp(std::int64_t D, std::vector<Tensor> x_dot) const { return all_dots(D, std::move(x_dot))[0]; }

  std::vector<double> curvature(std::int64_t D, const Tensor& y_bar, std::vector<Tensor> x_dot) const {
    const std::vector<Tensor> x_bar = vjp(1, y_bar);
    const std::vector<Tensor> y_dot = all_dots(D, x_dot);
    x_dot.resize(node().inputs.size());
    std::vector<Tensor> y_bars(node().outputs.size());
    y_bars[0] = y_bar;
    std::vector<double> acc(static_cast<std::size_t>(D));
    op().curvature(saved(), D, y_bars, x_bar, x_dot, y_dot, acc);
    return acc;
  }

  /// h of the first input.
  Tensor recursion(const Tensor& h_y) const {
    Tensor h(node().input_specs[0]);
    std::vector<GradSlot> slots(node().inputs.size());
    slots[0] = {&h, false};
    op().as<HasRecursion>()->recursion(saved(), std::vector<Tensor>{Tensor::zeros(h_y.shape(), h_y.dtype())},
                                       std::vector<Tensor>{h_y}, slots);
    return h;
  }

 private:
  const Node& node() const { return tape_.nodes().back(); }

  std::vector<Tensor> all_dots(std::int64_t D, std::vector<Tensor> x_dot) const {
    x_dot.resize(node().inputs.size());
    std::vector<Tensor> y_dot;
    for (const Spec& spec : node().outputs)
      y_dot.emplace_back(with_directions(spec.shape, D), spec.dtype);
    op().jvp(saved(), D, x_dot, y_dot);
    return y_dot;
  }

  Tape tape_;
  std::vector<Parameter> parameters_;
};

/// Largest difference between two tensors of one shape.
inline double difference(const Tensor& a, const Tensor& b) {
  Tensor gap = a.clone();
  axpy(-1.0, b.contiguous(), gap);
  return max_abs(gap);
}

}  // namespace ockham::test
