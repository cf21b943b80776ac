// The arithmetic of math.h on the GPU.
#include <cmath>
#include <limits>

#include "engine/convert.h"
#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "engine/cuda/per_element.h"
#include "engine/cuda/reduce.h"
#include "engine/device_math.h"

namespace ockham::cuda {

template <class T>
struct Fill : PerElement<Fill<T>> {
  std::int64_t n;
  T value;
  T* y;
  void operands(Operands& o) const { o.writes(y, n); }
  __device__ void element(std::int64_t i) const { y[i] = value; }
};

/// Strides of up to Shape::kMaxRank dimensions; row-major order of the elements.
struct Layout {
  int rank;
  std::int64_t sizes[Shape::kMaxRank];
  std::int64_t x[Shape::kMaxRank];
  std::int64_t y[Shape::kMaxRank];
};

template <class From, class To>
struct CopyStrided : PerElement<CopyStrided<From, To>> {
  std::int64_t n, x_extent, y_extent;
  Layout layout;
  const From* x;
  To* y;
  void operands(Operands& o) const {
    o.reads(x, x_extent);
    o.writes(y, y_extent);
  }
  __device__ void element(std::int64_t i) const {
    std::int64_t from = 0;
    std::int64_t to = 0;
    for (int dim = layout.rank - 1; dim >= 0; --dim) {
      const std::int64_t at = i % layout.sizes[dim];
      i /= layout.sizes[dim];
      from += at * layout.x[dim];
      to += at * layout.y[dim];
    }
    y[to] = converted<To>(x[from]);
  }
};

template <class From, class To>
struct CopyDense : PerElement<CopyDense<From, To>> {
  std::int64_t n;
  const From* x;
  To* y;
  void operands(Operands& o) const {
    o.reads(x, n);
    o.writes(y, n);
  }
  __device__ void element(std::int64_t i) const { y[i] = converted<To>(x[i]); }
};

template <class T>
struct Axpy : PerElement<Axpy<T>> {
  std::int64_t n;
  T a;
  const T* x;
  T* y;
  void operands(Operands& o) const {
    o.reads(x, n);
    o.writes(y, n);
  }
  __device__ void element(std::int64_t i) const { y[i] += a * x[i]; }
};

template <class T>
struct Scale : PerElement<Scale<T>> {
  std::int64_t n;
  T a;
  T* y;
  void operands(Operands& o) const { o.writes(y, n); }
  __device__ void element(std::int64_t i) const { y[i] *= a; }
};

template <class T>
struct TimesChannels : PerElement<TimesChannels<T>> {
  std::int64_t n, C, plane;
  const T* x;
  const T* factor;
  T* y;
  void operands(Operands& o) const {
    o.reads(x, n);
    o.reads(factor, C);
    o.writes(y, n);
  }
  __device__ void element(std::int64_t i) const { y[i] = factor[i / plane % C] * x[i]; }
};

/// Elements that one block adds up; a long sum has as many parts as it has such pieces.
constexpr int kSumThreads = 256;
constexpr std::int64_t kSumPiece = kSumThreads * 16;

/// parts[g, p] = the sum of f over piece p of group g, of `length` elements. Largest: the largest of f instead, NaN if
/// any is.
enum class Of { kValue, kProduct, kLargest };
template <class T, Of kOf>
struct Pieces {
  static constexpr int kThreads = kSumThreads;
  std::int64_t groups, length, pieces;
  const T* x;
  const T* y;  ///< kProduct only
  double* parts;
  std::int64_t blocks() const { return groups * pieces; }
  void operands(Operands& o) const {
    o.reads(x, groups * length);
    o.reads(y, kOf == Of::kProduct ? groups * length : 0);
    o.writes(parts, groups * pieces);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t g = block / pieces;
    const std::int64_t p = block % pieces;
    const std::int64_t first = g * length;
    const std::int64_t end = (p + 1) * kSumPiece < length ? (p + 1) * kSumPiece : length;
    double total = 0.0;
    for (std::int64_t i = p * kSumPiece + threadIdx.x; i < end; i += kThreads) {
      const auto value = static_cast<double>(x[first + i]);
      if constexpr (kOf == Of::kProduct)
        total += value * static_cast<double>(y[first + i]);
      else if constexpr (kOf == Of::kValue)
        total += value;
      else
        total = larger(total, value < 0.0 ? -value : value);
    }
    if constexpr (kOf == Of::kLargest)
      total = block_largest(total);
    else
      total = block_sum<kThreads>(total);
    if (threadIdx.x == 0)
      parts[block] = total;
  }
  static __device__ double larger(double a, double b) { return a <= b || !(b == b) ? b : a; }
  static __device__ double block_largest(double value) {
    __shared__ double all[kThreads];
    all[threadIdx.x] = value;
    __syncthreads();
    for (int half = kThreads / 2; half > 0; half /= 2) {
      if (static_cast<int>(threadIdx.x) < half)
        all[threadIdx.x] = larger(all[threadIdx.x], all[threadIdx.x + half]);
      __syncthreads();
    }
    return all[0];
  }
};

struct LargestPart : PerElement<LargestPart> {
  std::int64_t n, count;
  const double* parts;
  double* totals;
  void operands(Operands& o) const {
    o.reads(parts, count);
    o.writes(totals, n);
  }
  __device__ void element(std::int64_t i) const {
    double total = 0.0;
    for (std::int64_t p = 0; p < count; ++p)
      total = Pieces<double, Of::kLargest>::larger(total, parts[p]);
    totals[i] = total;
  }
};

std::vector<double> downloaded(const Tensor& values) {
  const Tensor here = values.to(Device{});
  return {here.span<double>().begin(), here.span<double>().end()};
}

namespace {

void fill_elements(Tensor& y, double value) {
  visit_dtype(y.dtype(), [&]<class T>() {
    launch(Fill<T>{.n = y.numel(), .value = converted<T>(value), .y = y.device_data<T>()});
  });
}

template <class From, class To>
void copy_strided(const Tensor& x, Tensor& y) {
  Layout layout{.rank = x.rank()};
  std::int64_t x_extent = 1;
  std::int64_t y_extent = 1;
  for (int dim = 0; dim < x.rank(); ++dim) {
    layout.sizes[dim] = x.size(dim);
    layout.x[dim] = x.stride(dim);
    layout.y[dim] = y.stride(dim);
    x_extent += (x.size(dim) - 1) * x.stride(dim);
    y_extent += (y.size(dim) - 1) * y.stride(dim);
  }
  launch(CopyStrided<From, To>{.n = x.numel(),
                               .x_extent = x_extent,
                               .y_extent = y_extent,
                               .layout = layout,
                               .x = x.device_data<From>(),
                               .y = y.device_data<To>()});
}

void copy_elements(const Tensor& x, Tensor& y) {
  if (x.numel() == 0)
    return;
  visit_dtype(x.dtype(), [&]<class From>() {
    visit_dtype(y.dtype(), [&]<class To>() {
      if (x.is_contiguous() && y.is_contiguous())
        launch(CopyDense<From, To>{.n = x.numel(), .x = x.device_data<From>(), .y = y.device_data<To>()});
      else
        copy_strided<From, To>(x, y);
    });
  });
}

void add_multiple(double a, const Tensor& x, Tensor& y) {
  visit_float(y.dtype(), "axpy", [&]<class T>() {
    launch(Axpy<T>{.n = y.numel(), .a = static_cast<T>(a), .x = x.device_data<T>(), .y = y.device_data<T>()});
  });
}

void scale_elements(Tensor& y, double a) {
  visit_float(y.dtype(), "scale",
              [&]<class T>() { launch(Scale<T>{.n = y.numel(), .a = static_cast<T>(a), .y = y.device_data<T>()}); });
}

void multiply_channels(const Tensor& x, const Tensor& factor, Tensor& y) {
  const std::int64_t C = factor.numel();
  visit_float(x.dtype(), "times_channels", [&]<class T>() {
    launch(TimesChannels<T>{.n = x.numel(),
                            .C = C,
                            .plane = std::max<std::int64_t>(1, x.numel() / std::max<std::int64_t>(1, x.size(0) * C)),
                            .x = x.device_data<T>(),
                            .factor = factor.device_data<T>(),
                            .y = y.device_data<T>()});
  });
}

/// [groups, pieces]
template <Of kOf>
Tensor parts_of(const Tensor& x, const Tensor* y, std::int64_t groups) {
  const std::int64_t length = x.numel() / groups;
  const std::int64_t pieces = std::max<std::int64_t>(1, blocks_for(length, kSumPiece));
  Tensor parts({groups, pieces}, DType::kFloat64, x.device());
  visit_float(x.dtype(), "sum", [&]<class T>() {
    launch(Pieces<T, kOf>{.groups = groups,
                          .length = length,
                          .pieces = pieces,
                          .x = x.device_data<T>(),
                          .y = y ? y->device_data<T>() : nullptr,
                          .parts = parts.device_data<double>()});
  });
  return parts;
}

std::vector<double> dot_of_groups(const Tensor& x, const Tensor& y, std::int64_t groups) {
  Tensor totals({groups}, DType::kFloat64, x.device());
  sum_rows(parts_of<Of::kProduct>(x, &y, groups), totals);
  return downloaded(totals);
}

double sum_elements(const Tensor& x) {
  Tensor total({1}, DType::kFloat64, x.device());
  sum_rows(parts_of<Of::kValue>(x, nullptr, 1), total);
  return downloaded(total)[0];
}

double largest_element(const Tensor& x) {
  const Tensor parts = parts_of<Of::kLargest>(x, nullptr, 1);
  Tensor largest({1}, DType::kFloat64, x.device());
  launch(LargestPart{
      .n = 1, .count = parts.numel(), .parts = parts.device_data<double>(), .totals = largest.device_data<double>()});
  return downloaded(largest)[0];
}

constexpr auto kCuda = Device::Kind::kCuda;
[[maybe_unused]] const bool registered = fill_on.set(kCuda, fill_elements) && copy_on.set(kCuda, copy_elements) &&
                                         axpy_on.set(kCuda, add_multiple) && scale_on.set(kCuda, scale_elements) &&
                                         times_channels_on.set(kCuda, multiply_channels) &&
                                         sum_on.set(kCuda, sum_elements) && grouped_dot_on.set(kCuda, dot_of_groups) &&
                                         max_abs_on.set(kCuda, largest_element);

}  // namespace
}  // namespace ockham::cuda
