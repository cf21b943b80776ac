#include "nas/layers/whitening.h"

#include <Eigen/Eigenvalues>
#include <cmath>

#include "engine/math.h"
#include "ops/conv2d/conv2d.h"
#include "ops/pad2d/pad2d.h"

namespace ockham::nas {
namespace {

constexpr double kEpsilon = 5e-4;
constexpr std::int64_t kSide = Whitening::kKernel;

/// Covariance of the patches of all images about their mean.
Eigen::MatrixXd patch_covariance(const Tensor& images) {
  const std::int64_t N = images.size(0), C = images.size(1), H = images.size(2), W = images.size(3);
  const std::int64_t length = C * kSide * kSide;
  const float* pixels = images.data<float>();
  Eigen::VectorXd patch(length), sum = Eigen::VectorXd::Zero(length);
  Eigen::MatrixXd square = Eigen::MatrixXd::Zero(length, length);
  for (std::int64_t n = 0; n < N; ++n) {
    for (std::int64_t y = 0; y + kSide <= H; ++y) {
      for (std::int64_t x = 0; x + kSide <= W; ++x) {
        for (std::int64_t i = 0; i < length; ++i) {
          const std::int64_t c = i / (kSide * kSide), r = i / kSide % kSide, s = i % kSide;
          patch[i] = static_cast<double>(pixels[((n * C + c) * H + y + r) * W + x + s]);
        }
        sum += patch;
        square.selfadjointView<Eigen::Lower>().rankUpdate(patch);
      }
    }
  }
  const auto count = static_cast<double>(N * (H - kSide + 1) * (W - kSide + 1));
  square.triangularView<Eigen::StrictlyUpper>() = square.transpose();
  return square / count - sum * sum.transpose() / (count * count);
}

}  // namespace

Whitening::Whitening(std::int64_t channels, bool keeps_size, Initial& initial)
    : keeps_size_(keeps_size),
      weight_(add_parameter("weight", initial.constant({2 * channels * kSide * kSide, channels, kSide, kSide}, 0.0),
                            ParameterKind::kBuffer)) {}

void Whitening::fit(const Tensor& images) {
  const Tensor here = images.to(Device{}).to(DType::kFloat32).contiguous();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(patch_covariance(here));
  const std::int64_t length = solver.eigenvalues().size();
  Tensor filters({2 * length, here.size(1), kSide, kSide}, DType::kFloat64);
  double* out = filters.data<double>();
  for (std::int64_t i = 0; i < length; ++i) {
    const std::int64_t from = length - 1 - i;  // the solver's order rises
    const double scale = 1.0 / std::sqrt(std::max(solver.eigenvalues()[from], 0.0) + kEpsilon);
    for (std::int64_t k = 0; k < length; ++k) {
      const double w = scale * solver.eigenvectors()(k, from);
      out[i * length + k] = w;
      out[(length + i) * length + k] = -w;
    }
  }
  copy(filters.to(weight_.value.dtype()).to(weight_.value.device()), weight_.value);
}

Variable Whitening::forward(const Context&, const Variable& x) {
  return conv2d(keeps_size_ ? pad2d(x, {.bottom = 1, .right = 1}) : x, Variable(weight_.value));
}

}  // namespace ockham::nas
