#pragma once
// The op of avg_pool2d.h, for its passes on other devices too.
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"
#include "ops/avg_pool2d/avg_pool2d.h"
#include "ops/pool.h"

namespace ockham {

/// Saves nothing.
class AvgPool2d : public LinearOp, public HasRecursion {
 public:
  explicit AvgPool2d(const AvgPool2dAttrs& attrs)
      : window_{attrs.kernel, attrs.stride, attrs.pad}, counts_padding_(attrs.count_include_pad) {}

  const PoolWindow& window() const { return window_; }
  bool counts_padding() const { return counts_padding_; }

  std::string_view name() const override { return "avg_pool2d"; }
  std::string attrs() const override;
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const override;
  void transpose(const Saved& saved, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override;

 private:
  const PoolWindow window_;
  const bool counts_padding_;
};

}  // namespace ockham
