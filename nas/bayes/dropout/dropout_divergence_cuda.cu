// Gradients of the dropout divergence on the GPU: squares of pieces of the kernels, what they come to for each group,
// and the kernels times that. Nothing leaves the device.
#include "autograd/optim/pieces_cuda.h"
#include "engine/cuda/block.h"
#include "nas/bayes/dropout/dropout_divergence.h"

namespace ockham::cuda {

/// Of each group the factor of its kernels, and the gradient of its logit.
template <class T>
struct DivergenceOfGroups {
  static constexpr int kThreads = 256;
  struct Row {
    const double* parts;  ///< squares of pieces of its kernels
    std::int64_t count;   ///< of them; 0: constant_square stands for them
    double constant_square;
    std::int64_t gates;
    const T* logit;
    T* logit_bar;
    double* factor;
  };
  nas::DropoutPrior prior;
  Rows<Row> rows;

  std::int64_t blocks() const { return rows.count; }
  void operands(Operands& o) const {
    for (int r = 0; r < rows.count; ++r) {
      const Row& row = rows.row[r];
      o.reads(row.parts, row.count);
      o.reads(row.logit, 1);
      o.writes(row.logit_bar, 1);
      o.writes(row.factor, 1);
    }
  }
  __device__ void operator()(std::int64_t block) const {
    const Row& row = rows.row[block];
    double square = 0.0;
    for (std::int64_t i = threadIdx.x; i < row.count; i += kThreads)
      square += row.parts[i];
    square = block_sum<kThreads>(square);
    if (threadIdx.x != 0)
      return;
    const nas::DropoutDivergence divergence = nas::divergence_of(row.count > 0 ? square : row.constant_square,
                                                                 row.gates, static_cast<double>(*row.logit), prior);
    *row.logit_bar = static_cast<T>(static_cast<double>(*row.logit_bar) + divergence.by_logit);
    *row.factor = divergence.by_kernel;
  }
};

/// y += factor * x, of pieces.
template <class T>
struct AddMultiples {
  static constexpr int kThreads = kPieceThreads;
  struct Row {
    const T* x;
    T* y;
    const double* factor;
    std::int64_t n;
  };
  Rows<Row> rows;

  std::int64_t blocks() const { return rows.count; }
  void operands(Operands& o) const {
    for (int r = 0; r < rows.count; ++r) {
      o.reads(rows.row[r].x, rows.row[r].n);
      o.reads(rows.row[r].factor, 1);
      o.writes(rows.row[r].y, rows.row[r].n);
    }
  }
  __device__ void operator()(std::int64_t block) const {
    const Row& row = rows.row[block];
    const T factor = static_cast<T>(*row.factor);
    for (std::int64_t i = threadIdx.x; i < row.n; i += kThreads)
      row.y[i] += factor * row.x[i];
  }
};

template <class T>
static void add_divergence(std::span<const nas::GatedGroup> groups, const nas::DropoutPrior& prior) {
  std::int64_t pieces = 0;
  for (const nas::GatedGroup& group : groups)
    each_piece<T>(group.kernels, [&](std::size_t, std::int64_t, int) { ++pieces; });
  Tensor room({pieces + std::ssize(groups)}, DType::kFloat64, groups[0].logit->value.device());
  auto* part = room.device_data<double>();
  double* factor = part + pieces;
  std::vector<typename SquareParts<T>::Row> squares;
  std::vector<typename DivergenceOfGroups<T>::Row> of_groups;
  std::vector<typename AddMultiples<T>::Row> multiples;
  for (const nas::GatedGroup& group : groups) {
    const double* const first = part;
    each_piece<T>(group.kernels, [&](std::size_t k, std::int64_t begin, int n) {
      Parameter& kernel = *group.kernels[k];
      const T* const x = std::as_const(kernel.value).template device_data<T>() + begin;
      squares.push_back({x, part++, n});
      multiples.push_back({x, kernel.grad.template device_data<T>() + begin, factor, n});
    });
    of_groups.push_back({.parts = first,
                         .count = part - first,
                         .constant_square = group.constant_square,
                         .gates = group.gates(),
                         .logit = std::as_const(group.logit->value).template device_data<T>() + group.entry,
                         .logit_bar = group.logit->grad.template device_data<T>() + group.entry,
                         .factor = factor++});
  }
  launch_rows(squares, [](const auto& rows) { return SquareParts<T>{rows}; });
  launch_rows(of_groups, [&](const auto& rows) { return DivergenceOfGroups<T>{prior, rows}; });
  launch_rows(multiples, [](const auto& rows) { return AddMultiples<T>{rows}; });
}

static void add_divergence_of_type(std::span<const nas::GatedGroup> groups, const nas::DropoutPrior& prior) {
  visit_float(groups[0].logit->value.dtype(), "add_dropout_divergence",
              [&]<class T>() { add_divergence<T>(groups, prior); });
}

[[maybe_unused]] static const bool divergence_registered =
    nas::add_dropout_divergence_on.set(Device::Kind::kCuda, add_divergence_of_type);

}  // namespace ockham::cuda
