#include "autograd/op_classes_cuda.h"
#include "ops/mul/mul_op.h"

namespace ockham::cuda {

class MulCuda : public BilinearCuda<MulOp> {
 protected:
  void apply(const MulOp&, const Tensor& a, std::int64_t da, const Tensor& b, std::int64_t db, Tensor& y,
             bool accumulate) const override {
    multiply(std::max(da, db), a, b, y, accumulate);
  }
  void transpose_a(const MulOp&, std::int64_t D, const Tensor& y_bar, const Tensor& b, GradSlot a_bar) const override {
    multiply(D, y_bar, b, *a_bar.dst, a_bar.accumulate);
  }
  void transpose_b(const MulOp&, std::int64_t D, const Tensor& y_bar, const Tensor& a, GradSlot b_bar) const override {
    multiply(D, y_bar, a, *b_bar.dst, b_bar.accumulate);
  }

 private:
  static void multiply(std::int64_t D, const Tensor& a, const Tensor& b, Tensor& y, bool adds) {
    visit_float(y.dtype(), "mul", [&]<class T>() { map<T>(D, y, adds, Product{}, a, b); });
  }
};

OCKHAM_CUDA_PASSES(mul, MulOp, MulCuda);

}  // namespace ockham::cuda
