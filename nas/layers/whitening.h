#pragma once
// A first layer that is computed from images, not trained: its filters are the principal components of 2x2 patches,
// scaled to unit variance, and their negatives. Page 2019 ("How to train your ResNet", part 8); Jordan 2024
// (arXiv:2404.00498), section 3.1.
#include "nas/layers/layer.h"

namespace ockham::nas {

/// conv2d with the buffer "weight" [8 C, C, 2, 2]; zeros until fit().
class Whitening : public Layer {
 public:
  static constexpr std::int64_t kKernel = 2;
  /// @param keeps_size adds a column and a row of zeros first; else the map is a pixel smaller
  Whitening(std::int64_t channels, bool keeps_size, Initial& initial);

  /// Filters of a sample of images [N, C, H, W], the same for the same images: for eigenvalues l_i of the covariance of
  /// patches and their vectors v_i, v_i / sqrt(l_i + 5e-4) and -v_i / sqrt(l_i + 5e-4), in falling order of l_i.
  void fit(const Tensor& images);
  Variable forward(const Context& context, const Variable& x) override;
  std::int64_t channels() const { return weight_.value.size(0); }

 private:
  bool keeps_size_;
  Parameter& weight_;
};

}  // namespace ockham::nas
