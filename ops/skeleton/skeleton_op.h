#pragma once
// The class of the commented example: what skeleton.cpp fills in for the CPU, and skeleton_cuda.cu for a GPU.
#include "autograd/op.h"

namespace ockham {

// 1. The class. An op is immutable: attributes, if it had any, would be const members with accessors for kernels of
//    other devices. What one run needs later goes to Saved, so the same op may be on the tape many times. An op that
//    no device but the CPU has may keep its class in the .cpp.
class Square : public Op {
 public:
  std::string_view name() const override { return "square"; }
  // Linear, multilinear or curved: decides which exact Hessian algorithm applies below this op.
  Algebra algebra() const override { return Algebra::kCurved; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override;
  // weight_diagonal is for ops with parameters; an op without them inherits a refusal that names it. What else an op
  // may have is in autograd/side_interfaces.h.
};

}  // namespace ockham
