#include "autograd/op_classes_cuda.h"
#include "ops/diagonal_cuda.h"
#include "ops/loops_cuda.h"
#include "ops/scale/scale_op.h"

namespace ockham::cuda {

class ScaleCuda : public BilinearCuda<ScaleOp> {
 public:
  bool weight_diagonal(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping,
                       Tensor& H) const override {
    const Tensor& x = saved[0];
    if (input != 1)
      return false;
    const std::int64_t samples = x.rank() == 0 ? 1 : x.size(0);
    if (x.numel() == 0)
      return true;
    Tensor gradients({D * samples, 1}, DType::kFloat64, x.device());
    visit_float(x.dtype(), op.name(), [&]<class T>() {
      sum_rows(sums_of<T>(D * samples, x.numel() / samples, Product{}, y_bar[0], x), gradients);
    });
    add_squares(gradients, H);
    return true;
  }

 protected:
  void apply(const ScaleOp&, const Tensor& x, std::int64_t dx, const Tensor& s, std::int64_t ds, Tensor& y,
             bool accumulate) const override {
    multiply(std::max(dx, ds), x, s, y, accumulate);
  }
  void transpose_a(const ScaleOp&, std::int64_t D, const Tensor& y_bar, const Tensor& s,
                   GradSlot x_bar) const override {
    multiply(D, y_bar, s, *x_bar.dst, x_bar.accumulate);
  }
  void transpose_b(const ScaleOp& op, std::int64_t D, const Tensor& y_bar, const Tensor& x,
                   GradSlot s_bar) const override {
    visit_float(x.dtype(), op.name(), [&]<class T>() {
      sum_rows(sums_of<T>(D, x.numel(), Product{}, y_bar, x), *s_bar.dst, s_bar.accumulate);
    });
  }

 private:
  /// y[d] (+)= s[d] * x[d]; an argument with one direction serves all.
  static void multiply(std::int64_t D, const Tensor& x, const Tensor& s, Tensor& y, bool adds) {
    const std::int64_t n = y.numel() / D;
    visit_float(y.dtype(), "scale", [&]<class T>() {
      const Term<T> term{.x = directions<T>(x, n), .factor = directions<T>(s, 1)};
      combine<T>(D, n, {&term, 1}, y.device_data<T>(), adds);
    });
  }
};

class FixedScaleCuda : public LinearCuda<FixedScaleOp> {
 protected:
  void apply(const FixedScaleOp& op, const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override {
    times(op.factor(), x, y, false);
  }
  void transpose(const FixedScaleOp& op, const Saved&, std::int64_t, const Tensor& y_bar,
                 GradSlot x_bar) const override {
    times(op.factor(), y_bar, *x_bar.dst, x_bar.accumulate);
  }

 private:
  static void times(double factor, const Tensor& x, Tensor& y, bool adds) {
    visit_float(y.dtype(), "scale", [&]<class T>() {
      const Term<T> term{.x = directions<T>(x, x.numel()), .weight = static_cast<T>(factor)};
      combine<T>(1, x.numel(), {&term, 1}, y.device_data<T>(), adds);
    });
  }
};

OCKHAM_CUDA_PASSES(scale, ScaleOp, ScaleCuda);
OCKHAM_CUDA_PASSES(fixed_scale, FixedScaleOp, FixedScaleCuda);

}  // namespace ockham::cuda
