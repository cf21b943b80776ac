#pragma once
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"
#include "ops/window.h"

namespace ockham {

class SliceOp : public LinearOp, public HasRecursion {
 public:
  SliceOp(int dim, std::int64_t begin, std::int64_t end) : dim_(dim), begin_(begin), end_(end) {}

  int dim() const { return dim_; }
  std::int64_t begin() const { return begin_; }
  std::int64_t end() const { return end_; }

  std::string_view name() const override { return "slice"; }
  std::string attrs() const override { return concat("dim=", dim_, " begin=", begin_, " end=", end_); }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void forward(Inputs x, Outputs y, Saved& saved) const override { apply(saved, 1, x[0], y[0]); }
  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;
  /// From x, of `x` with its D directions, to y. The sliced dimension and those behind it make a plane.
  Window window(std::int64_t D, const Shape& x) const;

 protected:
  void apply(const Saved&, std::int64_t D, const Tensor& x, Tensor& y) const override;
  void transpose(const Saved&, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override;

 private:
  const int dim_;
  const std::int64_t begin_;
  const std::int64_t end_;
};

}  // namespace ockham
