#include "ops/sum/total.h"

#include "engine/math.h"
#include "ops/infer.h"

namespace ockham {
namespace {

/// x[d, i] (+)= factor * y[d] for all i
void spread(double factor, const Tensor& y, GradSlot x) {
  const std::int64_t D = y.numel();
  Tensor g(x.dst->spec());
  visit_float(y.dtype(), "total", [&]<class T>() {
    const std::int64_t n = g.numel() / D;
    for (std::int64_t d = 0; d < D; ++d)
      std::fill_n(g.data<T>() + d * n, n, static_cast<T>(factor * static_cast<double>(y.data<T>()[d])));
  });
  x.add(std::move(g));
}

}  // namespace

std::vector<Spec> TotalOp::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  if (x[0].shape.numel() == 0)
    throw ShapeError(describe(*this, x) + ": x has no elements; needs at least one.");
  return {{Shape{}, x[0].dtype}};
}

void TotalOp::forward(Inputs x, Outputs y, Saved& saved) const {
  apply(saved, 1, x[0], y[0]);
}

// Of one scalar per element: h_x = factor^2 h_y for each.
void TotalOp::recursion(const Saved&, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  if (!h_x[0])
    return;
  const double slope = factor(h_x[0].dst->numel());
  spread(slope * slope, h_y[0], h_x[0]);
}

void TotalOp::apply(const Saved&, std::int64_t D, const Tensor& x, Tensor& y) const {
  const std::int64_t n = x.numel() / D;
  const Tensor rows = x.reshape({D, n});
  visit_float(x.dtype(), name(), [&]<class T>() {
    for (std::int64_t d = 0; d < D; ++d)
      y.data<T>()[d] = static_cast<T>(factor(n) * ockham::sum(rows.slice(0, d, d + 1)));
  });
}

void TotalOp::transpose(const Saved&, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const {
  spread(factor(x_bar.dst->numel() / D), y_bar, x_bar);
}

}  // namespace ockham
