#include "autograd/device_passes.h"
#include "ops/mix/mix_cuda.h"
#include "ops/weighted_sum/weighted_sum_op.h"

namespace ockham::cuda {

class WeightedSumCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    Sum(op, x[1])->forward(x, y[0]);
    saved.tensors.assign(x.begin(), x.end());
    return true;
  }
  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    Sum(op, saved[1])->vjp(saved, D, y_bar[0], x_bar);
    return true;
  }
  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    Sum(op, saved[1])->jvp(saved, D, x_dot, y_dot[0]);
    return true;
  }
  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    if (x_dot[0])
      Sum(op, saved[1])->curvature(saved, D, y_bar[0], x_dot, acc);
    return true;
  }
  bool weight_diagonal(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input,
                       Grouping grouping, Tensor& H) const override {
    if (input != 0)
      return false;
    if (saved[1].numel() > 0)
      Sum(op, saved[1])->weight_diagonal(saved, D, y_bar[0], grouping, H);
    return true;
  }

 private:
  /// Branches without affines, of samples of one channel.
  class Sum {
   public:
    Sum(const Op& op, const Tensor& branch)
        : index_(static_cast<const WeightedSumOp&>(op).index()),
          affine_(index_.size()),
          samples_(branch.rank() == 0 ? 1 : branch.size(0)),
          sum_{index_, affine_, samples_, 1, branch.numel() / std::max<std::int64_t>(1, samples_)} {}
    const NodeSum* operator->() const { return &sum_; }

   private:
    const std::vector<std::int64_t>& index_;
    const std::vector<std::size_t> affine_;
    const std::int64_t samples_;
    const NodeSum sum_;
  };
};

OCKHAM_CUDA_PASSES(weighted_sum, WeightedSumOp, WeightedSumCuda);

}  // namespace ockham::cuda
