// The joint norm of gradients on the GPU, and their scaling by it: sums of squares of pieces, their sum, the pieces
// once more. The norm never leaves the device.
#include <cmath>

#include "autograd/optim/on_device.h"
#include "autograd/optim/pieces_cuda.h"

namespace ockham::cuda {

struct NormOfParts {
  static constexpr int kThreads = 256;
  std::int64_t n;
  const double* parts;
  double* norm;

  std::int64_t blocks() const { return 1; }
  void operands(Operands& o) const {
    o.reads(parts, n);
    o.writes(norm, 1);
  }
  __device__ void operator()(std::int64_t) const {
    double sum = 0.0;
    for (std::int64_t i = threadIdx.x; i < n; i += kThreads)
      sum += parts[i];
    sum = block_sum<kThreads>(sum);
    if (threadIdx.x == 0)
      *norm = std::sqrt(sum);
  }
};

template <class T>
struct ScaleToLimit {
  static constexpr int kThreads = kPieceThreads;
  struct Row {
    T* g;
    std::int64_t n;
  };
  const double* norm;
  double limit;
  Rows<Row> rows;

  std::int64_t blocks() const { return rows.count; }
  void operands(Operands& o) const {
    o.reads(norm, 1);
    for (int r = 0; r < rows.count; ++r)
      o.writes(rows.row[r].g, rows.row[r].n);
  }
  __device__ void operator()(std::int64_t block) const {
    if (!(*norm > limit) || !allows_update(norm))
      return;
    const Row& row = rows.row[block];
    const T factor = static_cast<T>(limit / (*norm + 1e-6));
    for (std::int64_t i = threadIdx.x; i < row.n; i += kThreads)
      row.g[i] *= factor;
  }
};

template <class T>
static std::int64_t square_parts(const std::vector<Parameter*>& parameters, double* parts) {
  using Row = typename SquareParts<T>::Row;
  std::vector<Row> rows;
  each_piece<T>(parameters, [&](std::size_t p, std::int64_t begin, int n) {
    rows.push_back({std::as_const(parameters[p]->grad).template device_data<T>() + begin, parts++, n});
  });
  launch_rows(rows, [](const Rows<Row>& some) { return SquareParts<T>{some}; });
  return std::ssize(rows);
}

template <class T>
static void scale_to_limit(const std::vector<Parameter*>& parameters, double limit, const double* norm) {
  using Row = typename ScaleToLimit<T>::Row;
  std::vector<Row> rows;
  each_piece<T>(parameters, [&](std::size_t p, std::int64_t begin, int n) {
    rows.push_back({parameters[p]->grad.template device_data<T>() + begin, n});
  });
  launch_rows(rows, [&](const Rows<Row>& some) { return ScaleToLimit<T>{norm, limit, some}; });
}

static std::int64_t count_pieces(const std::vector<Parameter*>& parameters) {
  std::int64_t count = 0;
  each_piece<float>(parameters, [&](std::size_t, std::int64_t, int) { ++count; });
  each_piece<double>(parameters, [&](std::size_t, std::int64_t, int) { ++count; });
  return count;
}

static void clip(const std::vector<Parameter*>& parameters, double limit, Tensor& norm) {
  Tensor parts({count_pieces(parameters)}, DType::kFloat64, norm.device());
  auto* const data = parts.device_data<double>();
  const std::int64_t narrow = square_parts<float>(parameters, data);
  square_parts<double>(parameters, data + narrow);
  launch(NormOfParts{parts.numel(), data, norm.device_data<double>()});
  if (limit <= 0.0)
    return;
  scale_to_limit<float>(parameters, limit, norm.device_data<double>());
  scale_to_limit<double>(parameters, limit, norm.device_data<double>());
}

[[maybe_unused]] static const bool clip_registered = clip_on.set(Device::Kind::kCuda, clip);

}  // namespace ockham::cuda
