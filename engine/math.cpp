#include "engine/math.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/convert.h"
#include "engine/device_math.h"
#include "engine/lanes.h"
#include "engine/parallel.h"

namespace ockham {
namespace {

constexpr std::int64_t kGrain = 1 << 15;

template <class A, class B, class C, class D>
constexpr bool is_pair = std::is_same_v<A, C>&& std::is_same_v<B, D>;

/// Offsets of the rows (all dimensions but the last) of a strided tensor, visited in row-major order.
class RowWalker {
 public:
  explicit RowWalker(const Tensor& t) : tensor_(t) {}
  std::int64_t offset() const { return offset_; }
  void next() {
    for (int dim = tensor_.rank() - 2; dim >= 0; --dim) {
      const auto d = static_cast<std::size_t>(dim);
      offset_ += tensor_.stride(dim);
      if (++index_[d] < tensor_.size(dim))
        return;
      offset_ -= index_[d] * tensor_.stride(dim);
      index_[d] = 0;
    }
  }

 private:
  const Tensor& tensor_;
  std::array<std::int64_t, Shape::kMaxRank> index_{};
  std::int64_t offset_ = 0;
};

template <class From, class To>
void copy_elements(const Tensor& x, Tensor& y) {
  const From* from = x.data<From>();
  To* to = y.data<To>();
  const std::int64_t n = x.numel();
  if (x.is_contiguous() && y.is_contiguous()) {
    parallel_for(n, kGrain, [&](std::int64_t begin, std::int64_t end) {
      if constexpr (is_pair<From, To, float, BFloat16> || is_pair<From, To, BFloat16, float>) {
        convert(end - begin, from + begin, to + begin);
      } else {
        for (std::int64_t i = begin; i < end; ++i)
          to[i] = converted<To>(from[i]);
      }
    });
    return;
  }
  if (n == 0)
    return;
  const std::int64_t row = x.rank() ? x.size(x.rank() - 1) : 1;
  const std::int64_t x_step = x.rank() ? x.stride(x.rank() - 1) : 1;
  const std::int64_t y_step = y.rank() ? y.stride(y.rank() - 1) : 1;
  RowWalker xs(x);
  RowWalker ys(y);
  for (std::int64_t r = 0; r < n / row; ++r, xs.next(), ys.next()) {
    for (std::int64_t i = 0; i < row; ++i)
      to[ys.offset() + i * y_step] = converted<To>(from[xs.offset() + i * x_step]);
  }
}

void require_together(const char* who, const Tensor& x, const Tensor& y) {
  if (x.device() != y.device())
    throw DeviceError(
        concat(who, ": x is on ", x.device(), ", y on ", y.device(), "; bring one to the other's device."));
}

void require_alike(const char* who, const Tensor& x, const Tensor& y) {
  if (x.numel() != y.numel() || x.dtype() != y.dtype())
    throw ShapeError(concat(who, ": x ", x.spec(), " and y ", y.spec(), " must have equal dtype and element count."));
  require_together(who, x, y);
}

}  // namespace

void fill(Tensor& y, double value) {
  if (!y.device().is_cpu())
    return fill_on(y.device(), y, value);
  visit_dtype(y.dtype(), [&]<class T>() {
    const T v = converted<T>(value);
    for (T& e : y.span<T>())
      e = v;
  });
}

void copy(const Tensor& x, Tensor& y) {
  if (x.shape() != y.shape())
    throw ShapeError(concat("copy: x ", x.shape(), " and y ", y.shape(), " must have equal shapes."));
  require_together("copy", x, y);
  if (!y.device().is_cpu())
    return copy_on(y.device(), x, y);
  visit_dtype(x.dtype(),
              [&]<class From>() { visit_dtype(y.dtype(), [&]<class To>() { copy_elements<From, To>(x, y); }); });
}

void axpy(double a, const Tensor& x, Tensor& y) {
  require_alike("axpy", x, y);
  if (!y.device().is_cpu())
    return axpy_on(y.device(), a, x, y);
  visit_float(y.dtype(), "axpy", [&]<class T>() {
    const T* xs = x.span<T>().data();
    T* ys = y.span<T>().data();
    const T factor = static_cast<T>(a);
    parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        ys[i] += factor * xs[i];
    });
  });
}

void scale(Tensor& y, double a) {
  if (!y.device().is_cpu())
    return scale_on(y.device(), y, a);
  visit_float(y.dtype(), "scale", [&]<class T>() {
    T* ys = y.span<T>().data();
    const T factor = static_cast<T>(a);
    parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        ys[i] *= factor;
    });
  });
}

Tensor times_channels(const Tensor& x, const Tensor& factor) {
  Tensor y(x.shape(), x.dtype(), x.device());
  require_together("times_channels", factor, x);
  if (!x.device().is_cpu()) {
    times_channels_on(x.device(), x, factor, y);
    return y;
  }
  const std::int64_t C = factor.numel();
  const std::int64_t plane = x.numel() / std::max<std::int64_t>(1, x.size(0) * C);
  visit_float(x.dtype(), "times_channels", [&]<class T>() {
    parallel_for(x.size(0) * C, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, plane)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t row = begin; row < end; ++row) {
                     const T f = factor.data<T>()[row % C];
                     for (std::int64_t i = row * plane; i < (row + 1) * plane; ++i)
                       y.data<T>()[i] = f * x.data<T>()[i];
                   }
                 });
  });
  return y;
}

double sum(const Tensor& x) {
  if (!x.device().is_cpu())
    return sum_on(x.device(), x);
  return visit_float(x.dtype(), "sum", [&]<class T>() {
    const T* xs = x.span<T>().data();
    return parallel_sum(x.numel(), kGrain,
                        [&](std::int64_t begin, std::int64_t end) { return lane_sum(end - begin, xs + begin); });
  });
}

std::vector<double> grouped_dot(const Tensor& x, const Tensor& y, std::int64_t groups) {
  require_alike("dot", x, y);
  if (!x.device().is_cpu())
    return grouped_dot_on(x.device(), x, y, groups);
  std::vector<double> result(static_cast<std::size_t>(groups));
  const std::int64_t length = x.numel() / groups;
  visit_float(x.dtype(), "dot", [&]<class T>() {
    const T* xs = x.span<T>().data();
    const T* ys = y.span<T>().data();
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::int64_t first = g * length;
      result[static_cast<std::size_t>(g)] = parallel_sum(length, kGrain, [&](std::int64_t begin, std::int64_t end) {
        return lane_dot(end - begin, xs + first + begin, ys + first + begin);
      });
    }
  });
  return result;
}

double dot(const Tensor& x, const Tensor& y) {
  return grouped_dot(x, y, 1)[0];
}

double max_abs(const Tensor& x) {
  if (!x.device().is_cpu())
    return max_abs_on(x.device(), x);
  return visit_float(x.dtype(), "max_abs", [&]<class T>() {
    double largest = 0.0;
    for (T v : x.span<T>()) {
      const double a = std::abs(static_cast<double>(v));
      if (!(a <= largest))
        largest = a;
      if (std::isnan(largest))
        break;
    }
    return largest;
  });
}

bool is_finite(const Tensor& x) {
  const double largest = max_abs(x);
  return largest <= std::numeric_limits<double>::max();
}

}  // namespace ockham
