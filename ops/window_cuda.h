#pragma once
// window.h on the GPU: one launch, all elements of the result side by side.
#include "ops/window.h"

namespace ockham::cuda {

void move_window(const Window& window, const Tensor& x, Tensor& y, Put how);
/// For a transpose whose x_bar is zero outside the box.
inline void move_window(const Window& window, const Tensor& y_bar, GradSlot x_bar) {
  move_window(window, y_bar, *x_bar.dst, x_bar.accumulate ? Put::kAdd : Put::kAndZero);
}

}  // namespace ockham::cuda
