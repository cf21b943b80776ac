#include "autograd/device_passes.h"
#include "ops/add/add_op.h"
#include "ops/loops_cuda.h"

namespace ockham::cuda {

class AddCuda : public DevicePasses {
 public:
  bool forward(const Op&, Inputs x, Outputs y, Saved&) const override {
    add_defined(1, x, y[0]);
    return true;
  }
  bool vjp(const Op&, const Saved&, std::int64_t, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    for (GradSlot& slot : x_bar) {
      if (slot)
        slot.add(y_bar[0]);
    }
    return true;
  }
  bool jvp(const Op&, const Saved&, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    add_defined(D, x_dot, y_dot[0]);
    return true;
  }

 private:
  static void add_defined(std::int64_t D, Inputs x, Tensor& y) {
    const std::int64_t n = y.numel() / D;
    visit_float(y.dtype(), "add", [&]<class T>() {
      std::vector<Term<T>> terms;
      for (const Tensor& term : x) {
        if (term)
          terms.push_back({.x = directions<T>(term, n)});
      }
      combine<T>(D, n, terms, y.device_data<T>(), false);
    });
  }
};

OCKHAM_CUDA_PASSES(add, AddOp, AddCuda);

}  // namespace ockham::cuda
