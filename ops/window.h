#pragma once
// Moving a box of elements between planes of two arrays: all that slice, concat, pad2d and shift2d do, and, the other
// way round, all that their transposes do.
#include <cstdint>

#include "autograd/op.h"

namespace ockham {

/// In elements. A plane is the unit that repeats: [H, W] for pad2d, all dimensions from the sliced one on for slice.
/// Directions and samples are just more planes.
struct Window {
  struct Side {
    std::int64_t plane = 0;  ///< size of a plane
    std::int64_t row = 0;    ///< from one row of the box to the next
    std::int64_t begin = 0;  ///< of the box in its plane
    std::int64_t step = 1;   ///< from one column of the box to the next
  };
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Side x;
  Side y;

  Window reversed() const { return {rows, columns, y, x}; }
};

enum class Put {
  kBox,      ///< overwrite the box in y, touch nothing else
  kAndZero,  ///< overwrite the box in y with x and the rest of y with zeros
  kAdd,      ///< add to the box in y
};

namespace cpu {

void move_window(const Window& window, const Tensor& x, Tensor& y, Put how);
/// For a transpose whose x_bar is zero outside the box.
inline void move_window(const Window& window, const Tensor& y_bar, GradSlot x_bar) {
  move_window(window, y_bar, *x_bar.dst, x_bar.accumulate ? Put::kAdd : Put::kAndZero);
}

}  // namespace cpu

}  // namespace ockham
