#include "ops/window.h"

#include <algorithm>
#include <functional>

#include "engine/parallel.h"

namespace ockham::cpu {
namespace {

template <class T>
void move_steps(const Window& window, const T* x, T* y, bool adds) {
  const std::int64_t from = window.x.step;
  const std::int64_t to = window.y.step;
  for (std::int64_t i = 0; i < window.columns; ++i)
    y[i * to] = adds ? y[i * to] + x[i * from] : x[i * from];
}

template <class T>
void move_plane(const Window& window, const T* x, T* y, Put how) {
  if (how == Put::kAndZero)
    std::fill_n(y, window.y.plane, T(0));
  x += window.x.begin;
  y += window.y.begin;
  for (std::int64_t row = 0; row < window.rows; ++row, x += window.x.row, y += window.y.row) {
    if (window.x.step != 1 || window.y.step != 1)
      move_steps(window, x, y, how == Put::kAdd);
    else if (how == Put::kAdd)
      std::transform(x, x + window.columns, y, y, std::plus<>());
    else
      std::copy_n(x, window.columns, y);
  }
}

}  // namespace

void move_window(const Window& window, const Tensor& x, Tensor& y, Put how) {
  const std::int64_t larger = std::max(window.x.plane, window.y.plane);
  if (larger == 0)
    return;
  const std::int64_t planes = std::max(x.numel(), y.numel()) / larger;
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / larger);
  visit_float(x.dtype(), "window", [&]<class T>() {
    const T* from = x.data<T>();
    T* to = y.data<T>();
    parallel_for(planes, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t plane = begin; plane < end; ++plane)
        move_plane(window, from + plane * window.x.plane, to + plane * window.y.plane, how);
    });
  });
}

}  // namespace ockham::cpu
