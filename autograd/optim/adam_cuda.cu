// Adam on the GPU.
#include <cmath>

#include "autograd/optim/on_device.h"
#include "autograd/optim/pieces_cuda.h"

namespace ockham::cuda {

template <class T>
struct AdamStep {
  static constexpr int kThreads = kPieceThreads;
  static constexpr int kBlocksAtOnce = 2;  // more would spill registers
  struct Row {
    T* w;
    T* m;
    T* v;
    const T* g;
    std::int64_t n;
  };

  const double* scalars;
  const double* norm;
  T b1;
  T b2;
  T decay;
  T epsilon;
  Rows<Row> rows;

  std::int64_t blocks() const { return rows.count; }
  void operands(Operands& o) const {
    o.reads(scalars, 2);
    o.reads(norm, 1);
    for (int r = 0; r < rows.count; ++r) {
      o.writes(rows.row[r].w, rows.row[r].n);
      o.writes(rows.row[r].m, rows.row[r].n);
      o.writes(rows.row[r].v, rows.row[r].n);
      o.reads(rows.row[r].g, rows.row[r].n);
    }
  }
  __device__ void operator()(std::int64_t block) const {
    if (!allows_update(norm))
      return;
    const Row& row = rows.row[block];
    const T rate = static_cast<T>(scalars[0]);
    const T scale = static_cast<T>(scalars[1]);
    for (std::int64_t i = threadIdx.x; i < row.n; i += kThreads) {
      const T gradient = row.g[i] + decay * row.w[i];
      row.m[i] = b1 * row.m[i] + (T(1) - b1) * gradient;
      row.v[i] = b2 * row.v[i] + (T(1) - b2) * gradient * gradient;
      row.w[i] -= rate * row.m[i] / (std::sqrt(row.v[i]) * scale + epsilon);
    }
  }
};

template <class T>
static void adam_rows(const AdamUpdate& u) {
  using Row = typename AdamStep<T>::Row;
  std::vector<Row> rows;
  each_piece<T>(u.parameters, [&](std::size_t p, std::int64_t begin, int n) {
    Parameter& parameter = *u.parameters[p];
    rows.push_back({parameter.value.device_data<T>() + begin, u.mean[p].device_data<T>() + begin,
                    u.square[p].device_data<T>() + begin, parameter.grad.device_data<T>() + begin, n});
  });
  launch_rows(rows, [&](const Rows<Row>& some) {
    return AdamStep<T>{data_or_null(u.scalars),
                       data_or_null(u.norm),
                       static_cast<T>(u.options.beta1),
                       static_cast<T>(u.options.beta2),
                       static_cast<T>(u.options.weight_decay),
                       static_cast<T>(u.options.epsilon),
                       some};
  });
}

static void adam_update(const AdamUpdate& update) {
  adam_rows<float>(update);
  adam_rows<double>(update);
}

[[maybe_unused]] static const bool adam_registered = adam_on.set(Device::Kind::kCuda, adam_update);

}  // namespace ockham::cuda
