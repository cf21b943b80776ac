#pragma once
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"
#include "ops/window.h"

namespace ockham {

class Shift2dOp : public LinearOp, public HasRecursion {
 public:
  Shift2dOp(std::int64_t dy, std::int64_t dx, std::int64_t stride) : dy_(dy), dx_(dx), stride_(stride) {}

  std::int64_t dy() const { return dy_; }
  std::int64_t dx() const { return dx_; }
  std::int64_t stride() const { return stride_; }

  std::string_view name() const override { return "shift2d"; }
  std::string attrs() const override { return concat("dy=", dy_, " dx=", dx_, " stride=", stride_); }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void forward(Inputs x, Outputs y, Saved& saved) const override { apply(saved, 1, x[0], y[0]); }
  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;
  /// The part of a plane that stays inside; empty when the shift is as large as the plane.
  Window window(const Shape& x) const;

 protected:
  void apply(const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override;
  void transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override;

 private:
  /// Of one dimension: the outputs [begin, end) read x at stride * output + shift, inside it.
  struct Reach {
    std::int64_t begin;
    std::int64_t end;
  };

  /// ceil(size / stride)
  std::int64_t kept(std::int64_t size) const { return (size + stride_ - 1) / stride_; }

  Reach reach(std::int64_t size, std::int64_t shift) const;

  const std::int64_t dy_;
  const std::int64_t dx_;
  const std::int64_t stride_;
};

}  // namespace ockham
