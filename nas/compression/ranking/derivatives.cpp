#include "nas/compression/ranking/derivatives.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/math.h"

namespace ockham::nas {
namespace {

/// sum += weight * x, as float64 on the host.
void add_weighted(Tensor& sum, double weight, const Tensor& x) {
  const Tensor here = x.to(Device{}).to(DType::kFloat64).contiguous();
  if (!sum)
    sum = Tensor::zeros(x.shape(), DType::kFloat64);
  axpy(weight, here, sum);
}

std::int64_t count_negative(std::span<const Tensor> tensors) {
  std::int64_t count = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor)
      count += std::ranges::count_if(tensor.span<double>(), [](double h) { return h < 0.0; });
  }
  return count;
}

}  // namespace

WeightDerivatives mean_derivatives(std::span<Parameter* const> wanted, std::size_t batches, const RecordBatch& record,
                                   const HessianOptions& options) {
  if (batches == 0)
    throw UsageError("weight derivatives: there are no batches to take them on; give at least one.");
  std::vector<Parameter*> parameters;
  std::vector<std::size_t> places;
  for (std::size_t p = 0; p < wanted.size(); ++p) {
    if (wanted[p] != nullptr) {
      parameters.push_back(wanted[p]);
      places.push_back(p);
    }
  }
  WeightDerivatives result;
  result.hessian.resize(wanted.size());
  for (std::size_t b = 0; b < batches; ++b) {
    Tape tape;
    const BatchLoss batch = record(tape, b);
    const auto images = static_cast<double>(batch.images);
    const HessianResult curvature = hessian_diagonal(batch.loss, parameters, options);
    for (std::size_t i = 0; i < places.size(); ++i)
      add_weighted(result.hessian[places[i]], images, curvature.diagonal[i]);
    result.loss += images * batch.loss.value().item();
    result.images += batch.images;
    result.algorithm = curvature.algorithm;
    result.reason = curvature.reason;
  }
  const double share = 1.0 / static_cast<double>(result.images);
  for (std::size_t p : places)
    scale(result.hessian[p], share);
  result.loss *= share;
  result.negative = count_negative(result.hessian);
  return result;
}

}  // namespace ockham::nas
