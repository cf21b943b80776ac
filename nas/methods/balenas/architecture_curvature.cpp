#include "nas/methods/balenas/architecture_curvature.h"

#include <cmath>

#include "autograd/sweep.h"
#include "ops/softmax/softmax.h"

namespace ockham::nas {
namespace {

/// D = N directions of logits [N, classes]: in direction i the row of image i is d L_i / d logits = softmax - one-hot.
Tensor rows_apart(const Tensor& logits, const Tensor& given_labels) {
  const Tensor p = softmax(Variable(logits)).value().to(Device{}), labels = given_labels.to(Device{});
  const std::int64_t n = logits.size(0), classes = logits.size(1);
  Tensor seeds = Tensor::zeros(with_directions(logits.shape(), n), logits.dtype());
  visit_float(logits.dtype(), "per-sample gradients", [&]<class T>() {
    for (std::int64_t i = 0; i < n; ++i) {
      T* row = seeds.data<T>() + (i * n + i) * classes;
      std::copy_n(p.data<T>() + i * classes, classes, row);
      row[labels.data<std::int64_t>()[i]] -= T(1);
    }
  });
  return seeds.to(logits.device());
}

}  // namespace

std::vector<Tensor> architecture_hessian(const SearchNetwork& network, const Batch& batch,
                                         const HessianOptions& options) {
  Tape tape;
  return hessian_diagonal(network.loss(&tape, batch), network.architecture, options).diagonal;
}

std::vector<Tensor> mean_squared_gradients(const SearchNetwork& network, const Batch& batch) {
  Tape tape;
  const Variable logits = network.forward({.tape = &tape, .batch_norm = BatchNormMode::kFrozenBatch}, batch.images);
  const std::int64_t n = logits.shape()[0];
  const std::vector<int> leaves = leaf_nodes(tape, network.architecture);
  const std::vector<char> active = dependents_of(tape, leaves);
  PullOptions options;
  options.D = n;
  options.active = &active;
  const auto rows = pull_back(tape, logits.id(), rows_apart(logits.value(), batch.labels), options);
  std::vector<Tensor> result;
  for (std::size_t p = 0; p < leaves.size(); ++p) {
    const Shape& shape = network.architecture[p]->value.shape();
    Tensor mean = Tensor::zeros(shape, DType::kFloat64);
    if (const auto row = rows.find(leaves[p]); row != rows.end()) {
      const Tensor gradients = row->second.to(Device{}).contiguous().to(DType::kFloat64);
      for (std::int64_t i = 0; i < gradients.numel(); ++i) {
        const double g = gradients.data<double>()[i];
        mean.data<double>()[i % mean.numel()] += g * g / static_cast<double>(n);
      }
    }
    result.push_back(std::move(mean));
  }
  return result;
}

}  // namespace ockham::nas
