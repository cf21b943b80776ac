#pragma once
// One launch for pieces of many parameters: their addresses are arguments, so that nothing has to be written to the
// device before it. For .cu files.
#include <algorithm>
#include <vector>

#include "autograd/parameter.h"
#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"

namespace ockham::cuda {

inline constexpr int kPieceThreads = 256;
inline constexpr std::int64_t kPieceElements = 4096;  // 16 a thread

/// Rows, each the work of one block, as an argument of a kernel: as many as a launch may pass, with room for other
/// arguments, so that a network of thousands of tensors is updated in a few launches.
template <class Row>
struct Rows {
  static constexpr std::size_t kMost = 32000 / sizeof(Row);
  int count;
  Row row[kMost];
};

/// Runs kernels that make(rows) gives, over all rows.
template <class Row, class Make>
void launch_rows(const std::vector<Row>& all, Make make) {
  for (std::size_t first = 0; first < all.size(); first += Rows<Row>::kMost) {
    Rows<Row> rows{};
    rows.count = static_cast<int>(std::min(Rows<Row>::kMost, all.size() - first));
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(first), rows.count, rows.row);
    launch(make(rows));
  }
}

/// Sums of squares of pieces, in double.
template <class T>
struct SquareParts {
  static constexpr int kThreads = kPieceThreads;
  struct Row {
    const T* x;
    double* part;
    std::int64_t n;
  };
  Rows<Row> rows;

  std::int64_t blocks() const { return rows.count; }
  void operands(Operands& o) const {
    for (int r = 0; r < rows.count; ++r) {
      o.reads(rows.row[r].x, rows.row[r].n);
      o.writes(rows.row[r].part, 1);
    }
  }
  __device__ void operator()(std::int64_t block) const {
    const Row& row = rows.row[block];
    double sum = 0.0;
    for (std::int64_t i = threadIdx.x; i < row.n; i += kThreads)
      sum += static_cast<double>(row.x[i]) * static_cast<double>(row.x[i]);
    sum = block_sum<kThreads>(sum);
    if (threadIdx.x == 0)
      *row.part = sum;
  }
};

/// Calls body(index of the parameter, first element, number of elements) for the pieces of those that have a grad of T.
template <class T, class Body>
void each_piece(std::span<Parameter* const> parameters, Body body) {
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const Tensor& grad = parameters[p]->grad;
    if (!grad || grad.dtype() != kDTypeOf<T>)
      continue;
    for (std::int64_t begin = 0; begin < grad.numel(); begin += kPieceElements)
      body(p, begin, static_cast<int>(std::min(kPieceElements, grad.numel() - begin)));
  }
}

/// A norm that was not measured (null) or is finite.
__device__ __forceinline__ bool allows_update(const double* norm) {
  return norm == nullptr || *norm <= 1.7976931348623157e308;  // false for NaN
}

inline const double* data_or_null(const Tensor& scalar) {
  return scalar ? scalar.device_data<double>() : nullptr;
}

}  // namespace ockham::cuda
