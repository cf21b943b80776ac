#include "autograd/op_classes.h"

#include "engine/math.h"

namespace ockham {

void LinearOp::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  if (x_bar[0])
    transpose(saved, D, y_bar[0], x_bar[0]);
}

void LinearOp::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  apply(saved, D, x_dot[0], y_dot[0]);
}

void BilinearOp::forward(Inputs x, Outputs y, Saved& saved) const {
  apply(x[0], 1, x[1], 1, y[0], false);
  saved.keep(x[0], x[1]);
}

void BilinearOp::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  if (x_bar[0])
    transpose_a(D, y_bar[0], saved[1], x_bar[0]);
  if (x_bar[1])
    transpose_b(D, y_bar[0], saved[0], x_bar[1]);
}

void BilinearOp::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  if (x_dot[0])
    apply(x_dot[0], D, saved[1], 1, y_dot[0], false);
  if (x_dot[1])
    apply(saved[0], 1, x_dot[1], D, y_dot[0], x_dot[0].is_defined());
}

// D2f[t, t] = 2 f(t_a, t_b).
void BilinearOp::curvature(const Saved&, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs y_dot,
                           std::span<double> acc) const {
  if (!x_dot[0] || !x_dot[1])
    return;
  Tensor cross(y_dot[0].shape(), y_dot[0].dtype());
  apply(x_dot[0], D, x_dot[1], D, cross, false);
  const std::int64_t block = y_bar[0].numel();
  const Tensor rows = cross.reshape({D, block});
  const Tensor flat = y_bar[0].reshape({1, block});
  for (std::int64_t d = 0; d < D; ++d)
    acc[static_cast<std::size_t>(d)] += 2.0 * dot(rows.slice(0, d, d + 1), flat);
}

}  // namespace ockham
