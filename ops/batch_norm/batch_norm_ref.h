#pragma once
// Batch normalisation by naive float64 loops, the reference of both ops' samples.
#include <cmath>
#include <vector>

#include "engine/tensor.h"

namespace ockham::reference {

struct Statistics {
  std::vector<double> mean;
  std::vector<double> variance;
};

/// The channel of element i of x, [N, C] or [N, C, H, W].
inline std::size_t channel_of(const Tensor& x, std::int64_t i) {
  const std::int64_t plane = x.rank() == 4 ? x.size(2) * x.size(3) : 1;
  return static_cast<std::size_t>(i / plane % x.size(1));
}

inline Statistics batch_statistics(const Tensor& x) {
  const auto channels = static_cast<std::size_t>(x.size(1));
  const double m = static_cast<double>(x.numel()) / static_cast<double>(channels);
  Statistics result{std::vector<double>(channels), std::vector<double>(channels)};
  for (std::int64_t i = 0; i < x.numel(); ++i)
    result.mean[channel_of(x, i)] += x.data<double>()[i] / m;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const std::size_t c = channel_of(x, i);
    result.variance[c] += std::pow(x.data<double>()[i] - result.mean[c], 2) / m;
  }
  return result;
}

/// gamma and beta may be null.
inline Tensor normalised(const Tensor& x, const Tensor* gamma, const Tensor* beta, const Statistics& statistics,
                         double eps) {
  Tensor y(x.spec());
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const std::size_t c = channel_of(x, i);
    const double xhat = (x.data<double>()[i] - statistics.mean[c]) / std::sqrt(statistics.variance[c] + eps);
    y.data<double>()[i] = (gamma ? gamma->data<double>()[c] : 1.0) * xhat + (beta ? beta->data<double>()[c] : 0.0);
  }
  return y;
}

}  // namespace ockham::reference
