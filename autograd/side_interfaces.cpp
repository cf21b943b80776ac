#include "autograd/side_interfaces.h"

namespace ockham {

void jvp_curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
                   Outputs y_dot, std::span<double> acc) {
  if (const auto* joint = op.as<HasJointCurvature>())
    return joint->jvp_curvature(saved, D, y_bar, x_bar, x_dot, y_dot, acc);
  op.jvp(saved, D, x_dot, y_dot);
  op.curvature(saved, D, y_bar, x_bar, x_dot, y_dot, acc);
}

}  // namespace ockham
