#include "autograd/gauss_newton.h"

#include <algorithm>

#include "autograd/device_passes.h"
#include "autograd/hessian_request.h"
#include "autograd/narrow.h"
#include "autograd/profile.h"
#include "autograd/side_interfaces.h"
#include "engine/gemm.h"
#include "engine/parallel.h"

namespace ockham {
namespace {

/// Keeps the rows of a sweep, and adds their products.
class ProductReader : public ColumnReader {
 public:
  explicit ProductReader(const HessianRequest& r) : samples_(r.loss_node().input_specs[0].shape[0]) {
    for (const Parameter* parameter : r.parameters) {
      first_.push_back(entries_);
      entries_ += parameter->value.numel();
    }
    if (entries_ > kMostMatrixEntries)
      throw Error(concat("gauss_newton_matrix: ", entries_, " entries would make a matrix of ", entries_ * entries_,
                         " numbers, more than ", kMostMatrixEntries, " a side; name fewer parameters."));
    matrix_ = Tensor::zeros({entries_, entries_}, DType::kFloat64);
  }

  std::size_t bytes_per_direction() const override {
    return static_cast<std::size_t>(samples_ * entries_) * sizeof(double);
  }

  void see(const Node& node, std::size_t input, std::size_t parameter, std::int64_t D, Inputs y_bar) override {
    if (node.op->as<HasSampleGradients>() == nullptr)
      throw Error(concat("gauss_newton_matrix: ", node.op->name(), " does not tell the gradients of its input ", input,
                         " sample by sample; ask for parameters that weighted_sum, mix or scale read."));
    profiled([&] { put(run_sample_gradients(*node.op, node.saved, D, y_bar, input), D, first_[parameter]); },
             [&] {
               return describe_call("sample_gradients", *node.op, node.input_specs, D,
                                    defined_bytes(node.saved.tensors) + defined_bytes(y_bar), static_cast<double>(D));
             });
  }

  void end_sweep(std::int64_t D) override {
    for (std::int64_t d = 0; d < D && rows_; ++d)
      add_products(rows_.data<double>() + d * samples_ * entries_);
    rows_ = {};
  }

  /// Both triangles with the sums of the upper one.
  Tensor symmetric() {
    double* const at = matrix_.data<double>();
    for (std::int64_t i = 0; i < entries_; ++i) {
      for (std::int64_t j = 0; j < i; ++j)
        at[i * entries_ + j] = at[j * entries_ + i];
    }
    return matrix_;
  }

 private:
  void put(const Tensor& gradients, std::int64_t D, std::int64_t first) {
    if (!rows_)
      rows_ = Tensor::zeros({D, samples_, entries_}, DType::kFloat64);
    const std::int64_t P = gradients.size(2);
    for (std::int64_t row = 0; row < D * samples_; ++row)
      std::copy_n(gradients.data<double>() + row * P, P, rows_.data<double>() + row * entries_ + first);
  }

  void add_products(const double* rows) {
    constexpr std::int64_t kBlock = 64;
    std::vector<const double*> of_sample;
    for (std::int64_t n = 0; n < samples_; ++n)
      of_sample.push_back(rows + n * entries_);
    parallel_for(entries_, kBlock, [&](std::int64_t begin, std::int64_t end) {
      // Of the block's rows what is right of the diagonal: from the block's first column on.
      std::vector<const double*> from(of_sample);
      for (const double*& row : from)
        row += begin;
      gemm_rows<double>(end - begin, entries_ - begin, samples_, rows + begin, 1, entries_, from.data(), 1.0,
                        matrix_.data<double>() + begin * entries_ + begin, entries_);
    });
  }

  std::int64_t samples_;
  std::int64_t entries_ = 0;
  std::vector<std::int64_t> first_;  // by parameter
  Tensor matrix_;
  Tensor rows_;  // [D, N, K] of the sweep that runs
};

}  // namespace

GaussNewtonMatrix gauss_newton_matrix(const Variable& loss, std::span<Parameter* const> parameters,
                                      const HessianOptions& options) {
  loss_op_of(loss);
  require_wide(*loss.tape());
  const HessianRequest request(loss, parameters, options);
  if (const auto obstacle = reverse_obstacle(*loss.tape(), loss, parameters))
    throw Error(concat("gauss_newton_matrix: it takes the rows of algorithm R, which is not exact here: ", *obstacle,
                       "; use running or frozen batch-norm statistics and unshared parameters."));
  ProductReader reader(request);
  const ColumnSweeps sweeps = pull_columns(request, reader);
  return {
      .matrix = reader.symmetric(), .columns = sweeps.columns, .directions = sweeps.directions, .tail = sweeps.tail};
}

}  // namespace ockham
