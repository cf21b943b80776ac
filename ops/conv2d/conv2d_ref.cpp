#include "ops/conv2d/conv2d_ref.h"

#include <vector>

namespace ockham::cpu {
namespace {

/// Calls term(y_index, x_index, w_index) for every product of sample n.
template <class Term>
void each_term(const Conv2dSize& s, std::int64_t n, Term&& term) {
  std::int64_t y = n * s.K * s.P * s.Q;
  for (std::int64_t k = 0; k < s.K; ++k) {
    const std::int64_t g = k / (s.K / s.groups);
    for (std::int64_t p = 0; p < s.P; ++p) {
      for (std::int64_t q = 0; q < s.Q; ++q, ++y) {
        std::int64_t w = k * (s.C / s.groups) * s.R * s.S;
        for (std::int64_t c = 0; c < s.C / s.groups; ++c) {
          for (std::int64_t r = 0; r < s.R; ++r) {
            for (std::int64_t t = 0; t < s.S; ++t, ++w) {
              const std::int64_t i = p * s.stride + r * s.dilation - s.pad;
              const std::int64_t j = q * s.stride + t * s.dilation - s.pad;
              if (i >= 0 && i < s.H && j >= 0 && j < s.W)
                term(y, ((n * s.C + g * (s.C / s.groups) + c) * s.H + i) * s.W + j, w);
            }
          }
        }
      }
    }
  }
}

template <class T>
void store(const std::vector<double>& sums, T beta, T* to) {
  for (std::size_t i = 0; i < sums.size(); ++i)
    to[i] = static_cast<T>(sums[i] + (beta == T(0) ? 0.0 : static_cast<double>(to[i])));
}

template <class T>
void forward(const Conv2dSize& s, const T* x, const T* w, T beta, T* y) {
  std::vector<double> sums(static_cast<std::size_t>(s.N * s.K * s.P * s.Q));
  for (std::int64_t n = 0; n < s.N; ++n)
    each_term(s, n, [&](std::int64_t yi, std::int64_t xi, std::int64_t wi) {
      sums[static_cast<std::size_t>(yi)] += static_cast<double>(x[xi]) * static_cast<double>(w[wi]);
    });
  store(sums, beta, y);
}

template <class T>
void input_gradient(const Conv2dSize& s, const T* y_bar, const T* w, T beta, T* x_bar) {
  std::vector<double> sums(static_cast<std::size_t>(s.N * s.C * s.H * s.W));
  for (std::int64_t n = 0; n < s.N; ++n)
    each_term(s, n, [&](std::int64_t yi, std::int64_t xi, std::int64_t wi) {
      sums[static_cast<std::size_t>(xi)] += static_cast<double>(y_bar[yi]) * static_cast<double>(w[wi]);
    });
  store(sums, beta, x_bar);
}

/// The gradient of w for sample n alone.
template <class T>
std::vector<double> sample_gradient(const Conv2dSize& s, std::int64_t n, const T* x, const T* y_bar) {
  std::vector<double> sums(static_cast<std::size_t>(s.w_numel()));
  each_term(s, n, [&](std::int64_t yi, std::int64_t xi, std::int64_t wi) {
    sums[static_cast<std::size_t>(wi)] += static_cast<double>(y_bar[yi]) * static_cast<double>(x[xi]);
  });
  return sums;
}

template <class T>
void weight_gradient(const Conv2dSize& s, const T* x, const T* y_bar, T beta, T* w_bar) {
  std::vector<double> sums(static_cast<std::size_t>(s.w_numel()));
  for (std::int64_t n = 0; n < s.N; ++n) {
    const std::vector<double> gradient = sample_gradient(s, n, x, y_bar);
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] += gradient[i];
  }
  store(sums, beta, w_bar);
}

template <class T>
void weight_squares(const Conv2dSize& s, std::int64_t D, const T* x, const T* y_bar, double* h) {
  for (std::int64_t d = 0; d < D; ++d) {
    for (std::int64_t n = 0; n < s.N; ++n) {
      const std::vector<double> gradient = sample_gradient(s, n, x, y_bar + d * s.N * s.y_sample());
      for (std::size_t i = 0; i < gradient.size(); ++i)
        h[i] += gradient[i] * gradient[i];
    }
  }
}

}  // namespace

template <class T>
Conv2dKernel<T> reference_conv2d() {
  return {Conv2dForm::kDense, "reference",       "any size",         [](const Conv2dSize&) { return true; },
          forward<T>,         input_gradient<T>, weight_gradient<T>, weight_squares<T>};
}
template Conv2dKernel<float> reference_conv2d();
template Conv2dKernel<double> reference_conv2d();

}  // namespace ockham::cpu
