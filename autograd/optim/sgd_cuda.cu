// Sgd on the GPU.
#include "autograd/optim/on_device.h"
#include "autograd/optim/pieces_cuda.h"

namespace ockham::cuda {

template <class T>
struct SgdStep {
  static constexpr int kThreads = kPieceThreads;
  struct Row {
    T* w;
    T* v;
    const T* g;
    int n;
    bool decays;
    bool is_bias;
  };

  const double* lr;
  const double* norm;
  T momentum;
  T decay;
  double bias_rate;
  bool nesterov;
  Rows<Row> rows;

  std::int64_t blocks() const { return rows.count; }
  void operands(Operands& o) const {
    o.reads(lr, 1);
    o.reads(norm, 1);
    for (int r = 0; r < rows.count; ++r) {
      o.writes(rows.row[r].w, rows.row[r].n);
      o.writes(rows.row[r].v, rows.row[r].n);
      o.reads(rows.row[r].g, rows.row[r].n);
    }
  }
  __device__ void operator()(std::int64_t block) const {
    if (!allows_update(norm))
      return;
    const Row& row = rows.row[block];
    const T rate = static_cast<T>(row.is_bias ? *lr * bias_rate : *lr);
    const T weight_decay = row.decays ? decay : T(0);
    for (int i = static_cast<int>(threadIdx.x); i < row.n; i += kThreads) {
      const T w = row.w[i];  // each is read once: the compiler cannot know that they are apart
      const T gradient = row.g[i] + weight_decay * w;
      const T v = momentum * row.v[i] + gradient;
      row.v[i] = v;
      row.w[i] = w - rate * (nesterov ? gradient + momentum * v : v);
    }
  }
};

template <class T>
static void sgd_rows(const SgdUpdate& u) {
  using Row = typename SgdStep<T>::Row;
  std::vector<Row> rows;
  each_piece<T>(u.parameters, [&](std::size_t p, std::int64_t begin, int n) {
    Parameter& parameter = *u.parameters[p];
    rows.push_back({parameter.value.device_data<T>() + begin, u.momentum[p].device_data<T>() + begin,
                    parameter.grad.device_data<T>() + begin, n, decays(parameter, u.options), is_bias(parameter)});
  });
  launch_rows(rows, [&](const Rows<Row>& some) {
    return SgdStep<T>{data_or_null(u.scalars),
                      data_or_null(u.norm),
                      static_cast<T>(u.options.momentum),
                      static_cast<T>(u.options.weight_decay),
                      u.options.bias_rate,
                      u.options.nesterov,
                      some};
  });
}

static void sgd_update(const SgdUpdate& update) {
  sgd_rows<float>(update);
  sgd_rows<double>(update);
}

[[maybe_unused]] static const bool sgd_registered = sgd_on.set(Device::Kind::kCuda, sgd_update);

}  // namespace ockham::cuda
