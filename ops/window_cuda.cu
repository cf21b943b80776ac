#include "engine/cuda/launch.h"
#include "engine/cuda/units.h"
#include "ops/window_cuda.h"

namespace ockham::cuda {

/// A thread writes four elements of y: of the box alone, or of the whole plane with zeros around the box.
template <class T>
struct MoveWindow {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;
  Window window;
  Put how;
  std::int64_t planes;
  Units written;  ///< elements of a plane of y that are: the box or all
  Divisor row;    ///< of `written`
  Divisor step;   ///< of y
  const T* x;
  T* y;

  std::int64_t per_plane() const { return how == Put::kAndZero ? window.y.plane : window.rows * window.columns; }
  std::int64_t blocks() const { return blocks_for(planes * per_plane(), kPerBlock); }
  void operands(Operands& o) const {
    o.reads(x, planes * window.x.plane);
    o.writes(y, planes * window.y.plane);
  }

  /// Elements from the beginnings of the planes; no x: zero.
  struct Move {
    std::int64_t x;
    std::int64_t y;
  };
  __device__ Move of_box(std::uint32_t i) const {
    const std::uint32_t r = row.divide(i);
    const std::uint32_t c = i - r * row.value();
    return {window.x.begin + r * window.x.row + c * window.x.step,
            window.y.begin + r * window.y.row + c * window.y.step};
  }
  __device__ Move of_plane(std::uint32_t i) const {
    if (i < window.y.begin)
      return {-1, i};
    const auto from_box = static_cast<std::uint32_t>(i - window.y.begin);
    const std::uint32_t r = row.divide(from_box);
    const std::uint32_t in_row = from_box - r * row.value();
    const std::uint32_t c = step.divide(in_row);
    const bool is_inside = r < window.rows && c < window.columns && in_row == c * step.value();
    return {is_inside ? window.x.begin + r * window.x.row + c * window.x.step : -1, i};
  }

  __device__ void operator()(std::int64_t block) const {
    const Units::Place first = written.at(block * kPerBlock);
    std::int64_t to[kPerThread];
    T value[kPerThread] = {};
    for (int k = 0; k < kPerThread; ++k) {
      const Units::Place place = written.after(first, k * kThreads + threadIdx.x);
      to[k] = -1;
      if (place.unit >= planes)
        continue;
      const Move move = how == Put::kAndZero ? of_plane(place.within) : of_box(place.within);
      to[k] = place.unit * window.y.plane + move.y;
      if (move.x >= 0)
        value[k] = x[place.unit * window.x.plane + move.x];
      if (how == Put::kAdd)
        value[k] += y[to[k]];
    }
    for (int k = 0; k < kPerThread; ++k) {
      if (to[k] >= 0)
        y[to[k]] = value[k];
    }
  }
};

void move_window(const Window& window, const Tensor& x, Tensor& y, Put how) {
  const std::int64_t larger = std::max(window.x.plane, window.y.plane);
  if (larger == 0)
    return;
  // Rows of the box from one another: in the box its columns, in a plane as y has them, one alone the whole plane.
  const std::int64_t row = how != Put::kAndZero ? window.columns : window.rows > 1 ? window.y.row : window.y.plane;
  const auto divisor = [](std::int64_t d) { return Divisor(std::max<std::int64_t>(1, d)); };
  visit_float(x.dtype(), "window", [&]<class T>() {
    launch(MoveWindow<T>{.window = window,
                         .how = how,
                         .planes = std::max(x.numel(), y.numel()) / larger,
                         .written = Units(how == Put::kAndZero ? window.y.plane : window.rows * window.columns),
                         .row = divisor(row),
                         .step = divisor(window.y.step),
                         .x = x.device_data<T>(),
                         .y = y.device_data<T>()});
  });
}

}  // namespace ockham::cuda
