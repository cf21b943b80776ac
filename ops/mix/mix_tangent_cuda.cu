#include "engine/cuda/reduce.h"
#include "ops/mix/mix_branches_cuda.h"

namespace ockham::cuda {

/// Per direction d of D, with `at` the values and `dot` their tangents,
///   y_dot = sum_k t_alpha (scale z + shift) + alpha (t_scale z + t_shift + scale t_z),
///   half  = sum_k t_alpha (t_scale z + t_shift + scale t_z) + alpha t_scale t_z,   half of D2f[t, t].
template <class T>
struct MixPush {
  static constexpr int kThreads = PlaneTiling::kThreads;
  PlaneTiling tiling = {};
  MixNumbers<T> at, dot;
  std::int64_t D;
  bool adds;
  const T* z[kBranches] = {};
  const T* z_dot[kBranches] = {};  ///< null: zeros
  T* y_dot;                        ///< null: not wanted
  const T* y_bar;                  ///< of one cotangent
  double* parts = nullptr;         ///< <y_bar, half> of a block; rows of directions `parts_row` apart. null: not wanted
  std::int64_t parts_row = 0;

  std::int64_t blocks() const { return D * tiling.blocks(); }
  void operands(Operands& o) const {
    at.operands(o);
    dot.operands(o);
    const std::int64_t numel = tiling.planes * tiling.P;
    for (int k = 0; k < at.count; ++k) {
      o.reads(z[k], numel);
      o.reads(z_dot[k], D * numel);
    }
    o.writes(y_dot, D * numel);
    o.reads(y_bar, numel);
    o.writes(parts, (D - 1) * parts_row + tiling.blocks());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t d = block % D;
    const PlaneTiling::Place place = tiling.place(block / D);
    const std::int64_t i = place.plane * tiling.P + place.at;
    double product = 0.0;
    if (place.is_inside)
      product = push(d, static_cast<unsigned>(place.plane) % static_cast<unsigned>(at.C), i);
    if (parts == nullptr)
      return;  // all threads of the block
    product = block_sum<kThreads>(product);
    if (threadIdx.x == 0)
      parts[d * parts_row + block / D] = product;
  }
  __device__ double push(std::int64_t d, std::int64_t c, std::int64_t i) const {
    const std::int64_t i_dot = d * tiling.planes * tiling.P + i;
    Values<T> y{};
    Values<T> half{};
    if (adds && y_dot != nullptr)
      y = load_values<T>(y_dot, i_dot, tiling.wide());
    for (int k = 0; k < at.count; ++k) {
      const T alpha = at.weight(k);
      const T t_alpha = dot.weight(k, d);
      const T scale = at.scale(k, c);
      const T t_scale = dot.scale(k, c, d);
      const T t_shift = dot.shift(k, c, d);
      const T moved = t_alpha * scale + alpha * t_scale;
      // Directions in alpha are mostly unit vectors: this leaves out most branches.
      if (moved != T(0) || t_alpha * t_scale != T(0))
        add(y, half, moved, t_alpha * t_scale, load_values<T>(z[k], i, tiling.wide()));
      if (z_dot[k] != nullptr)
        add(y, half, alpha * scale, moved, load_values<T>(z_dot[k], i_dot, tiling.wide()));
      for (int j = 0; j < kWidth<T>; ++j) {
        y.at[j] += t_alpha * at.shift(k, c) + alpha * t_shift;
        half.at[j] += t_alpha * t_shift;
      }
    }
    if (y_dot != nullptr)
      store_values(y_dot, i_dot, y, tiling.wide());
    if (parts == nullptr)
      return 0.0;
    const Values<T> g = load_values<T>(y_bar, i, tiling.wide());  // zeros behind a single element
    double product = 0.0;
    for (int j = 0; j < kWidth<T>; ++j)
      product += static_cast<double>(g.at[j]) * static_cast<double>(half.at[j]);
    return product;
  }
  static __device__ void add(Values<T>& y, Values<T>& half, T first, T second, const Values<T>& x) {
    for (int j = 0; j < kWidth<T>; ++j) {
      y.at[j] += first * x.at[j];
      half.at[j] += second * x.at[j];
    }
  }
};

namespace {

/// Tangents into y_dot, or the products of a curvature into parts [D, launches, blocks].
template <class T>
void push(const NodeSum& sum, const Saved& saved, std::int64_t D, Inputs x_dot, Tensor* y_dot, const Tensor& y_bar,
          Tensor* parts) {
  const std::vector<Chunk> chunks = chunks_of(sum.index.size());
  std::vector<MixPush<T>> kernels;
  for (const Chunk& chunk : chunks) {
    MixPush<T>& kernel = kernels.emplace_back(MixPush<T>{.at = values<T>(sum, chunk, saved.tensors),
                                                         .dot = numbers<T>(sum, chunk, saved.tensors, x_dot, D, T(0)),
                                                         .D = D,
                                                         .adds = !chunk.is_first(),
                                                         .y_dot = y_dot ? y_dot->device_data<T>() : nullptr,
                                                         .y_bar = data_or_null<T>(y_bar)});
    const bool is_wide_z = fill_maps<T>(chunk, saved.tensors, sum.P, kernel.z);
    const bool is_wide_dot = fill_maps<T>(chunk, x_dot, sum.P, kernel.z_dot);
    kernel.tiling =
        tiling_of<T>(sum.N * sum.C, sum.P, is_wide_z && is_wide_dot && is_wide<T>(sum.P, kernel.y_dot, kernel.y_bar));
  }
  if (parts != nullptr) {
    std::int64_t row = 0;
    for (const MixPush<T>& kernel : kernels)
      row += kernel.tiling.blocks();
    *parts = Tensor({D, row}, DType::kFloat64, y_bar.device());
    std::int64_t first = 0;
    for (MixPush<T>& kernel : kernels) {
      kernel.parts = parts->device_data<double>() + first;
      kernel.parts_row = row;
      first += kernel.tiling.blocks();
    }
  }
  for (const MixPush<T>& kernel : kernels)
    launch(kernel);
}

}  // namespace

void NodeSum::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Tensor& y_dot) const {
  visit_float(saved[0].dtype(), "mix", [&]<class T>() { push<T>(*this, saved, D, x_dot, &y_dot, Tensor(), nullptr); });
}

void NodeSum::curvature(const Saved& saved, std::int64_t D, const Tensor& y_bar, Inputs x_dot,
                        std::span<double> acc) const {
  Tensor parts;
  visit_float(saved[0].dtype(), "mix", [&]<class T>() { push<T>(*this, saved, D, x_dot, nullptr, y_bar, &parts); });
  add_row_sums(parts, 2.0, acc);
}

}  // namespace ockham::cuda
