#include "autograd/device_passes.h"
#include "engine/cuda/reduce.h"
#include "engine/math.h"
#include "ops/batch_norm_fold/batch_norm_fold_cuda.h"
#include "ops/diagonal.h"
#include "ops/mix/mix_cuda.h"
#include "ops/mix/mix_maps_cuda.h"
#include "ops/mix/mix_narrow.h"
#include "ops/mix/mix_op.h"

namespace ockham::cuda {

/// From the parts of MixPull, an entry of alpha and a direction to a block:
///   affine_bar_k (+)= weight_k (sum of <y_bar, z_k>, sum of y_bar) per channel, for the branches of the entry,
///   alpha_bar (+)= the sum over those and over channels of scale <y_bar, z_k> + shift sum of y_bar.
template <class T>
struct MixTotals {
  static constexpr int kBlocksAtOnce = 2;  // more would spill registers
  static constexpr int kThreads = 256;
  MixNumbers<T> of;
  std::int64_t D, rows;
  bool alpha_adds;
  unsigned long long adds = 0;  ///< bit k, of the affines
  const double* parts;          ///< [count + 1, D, C, rows]
  T* alpha_bar;                 ///< null: not wanted
  T* affine_bar[kBranches] = {};
  /// In a recorded step, pulls of folds without parameters that read affine_bar[k]: done channel by channel, behind it.
  double fold_eps = 0.0;
  const T* fold_m[kBranches] = {};   ///< null: none was taken in
  T* fold_m_bar[kBranches] = {};     ///< all different: branches are of different blocks
  unsigned long long fold_adds = 0;  ///< bit k

  bool absorb(const FoldPull<T>& pull) {
    int k = 0;
    while (k < of.count && affine_bar[k] != pull.y_bar)
      ++k;
    const bool is_plain = pull.of.gamma == nullptr && pull.gamma_bar.data == nullptr && pull.beta_bar.data == nullptr;
    const bool is_first = std::ranges::none_of(fold_m, [](const T* m) { return m != nullptr; });
    if (k == of.count || fold_m[k] != nullptr || !is_plain || pull.D != D || pull.of.C != of.C ||
        !(is_first || pull.of.eps == fold_eps) || std::ranges::count(fold_m_bar, pull.m_bar.data) > 0)
      return false;
    fold_eps = pull.of.eps;
    fold_m[k] = pull.of.m;
    fold_m_bar[k] = pull.m_bar.data;
    fold_adds |= static_cast<unsigned long long>(pull.m_bar.adds) << k;
    return true;
  }
  std::int64_t blocks() const { return D * of.entries; }
  void operands(Operands& o) const {
    of.operands(o);
    o.reads(parts, (of.count + 1) * D * of.C * rows);
    o.writes(alpha_bar, D * of.entries);
    for (int k = 0; k < of.count; ++k) {
      o.writes(affine_bar[k], D * 2 * of.C);
      o.reads(fold_m[k], 2 * of.C);
      o.writes(fold_m_bar[k], D * 2 * of.C);
    }
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t d = block / of.entries;
    const std::int64_t entry = block % of.entries;
    double gradient = 0.0;
    for (int k = 0; k < of.count; ++k) {
      if (of.index[k] == entry && (alpha_bar != nullptr || affine_bar[k] != nullptr))
        gradient += of_branch(k, d);
    }
    if (alpha_bar == nullptr)
      return;  // all threads of the block
    gradient = block_sum<kThreads>(gradient);
    if (threadIdx.x == 0)
      alpha_bar[block] = static_cast<T>((alpha_adds ? static_cast<double>(alpha_bar[block]) : 0.0) + gradient);
  }
  /// A channel to a warp. What the first lanes add to the gradient of alpha.
  __device__ double of_branch(int k, std::int64_t d) const {
    double gradient = 0.0;
    for (std::int64_t c = threadIdx.x / 32; c < of.C; c += kThreads / 32) {
      const double dot = sum_of(k, d, c);
      const double sum = sum_of(of.count, d, c);
      if (threadIdx.x % 32 != 0)
        continue;
      gradient += static_cast<double>(of.scale(k, c)) * dot + static_cast<double>(of.shift(k, c)) * sum;
      if (affine_bar[k] != nullptr) {
        put(k, d * 2 * of.C + c, dot);
        put(k, (d * 2 + 1) * of.C + c, sum);
        if (fold_m[k] != nullptr)
          pull(k).put(d * of.C + c);
      }
    }
    return gradient;
  }
  __device__ double sum_of(int k, std::int64_t d, std::int64_t c) const {
    const double* const row = parts + ((k * D + d) * of.C + c) * rows;
    double total = 0.0;
    for (std::int64_t i = threadIdx.x % 32; i < rows; i += 32)
      total += row[i];
    return warp_sum(total);
  }
  __device__ FoldPull<T> pull(int k) const {
    return {.of = {.C = of.C, .eps = fold_eps, .m = fold_m[k], .gamma = nullptr},
            .D = D,
            .y_bar = affine_bar[k],
            .m_bar = {fold_m_bar[k], (fold_adds >> k & 1) != 0},
            .gamma_bar = {},
            .beta_bar = {}};
  }
  __device__ void put(int k, std::int64_t at, double sum) const {
    const double old = (adds >> k & 1) != 0 ? static_cast<double>(affine_bar[k][at]) : 0.0;
    affine_bar[k][at] = static_cast<T>(old + static_cast<double>(of.weight(k)) * sum);
  }
};
[[maybe_unused]] static const bool totals_take_folds = register_absorption<MixTotals<float>, FoldPull<float>>() &&
                                                       register_absorption<MixTotals<double>, FoldPull<double>>();

/// gradients[entry, row] (+)= the gradient of alpha of sample and direction `row` of D*N, from the parts of MixPull;
/// `squares`: its square instead, which ends a sum.
template <class T>
struct MixSampleGradients {
  static constexpr int kThreads = 128;
  MixNumbers<T> of;
  std::int64_t D, N, chunks;
  bool adds, squares;
  const double* parts;
  double* gradients;

  std::int64_t blocks() const { return blocks_for(of.entries * D * N, kThreads); }
  void operands(Operands& o) const {
    of.operands(o);
    o.reads(parts, (of.count + 1) * D * of.C * N * chunks);
    o.writes(gradients, of.entries * D * N);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x;
    if (i >= of.entries * D * N)
      return;
    const std::int64_t row = i % (D * N);
    double gradient = adds ? gradients[i] : 0.0;
    for (int k = 0; k < of.count; ++k) {
      if (of.index[k] != i / (D * N))
        continue;
      for (std::int64_t c = 0; c < of.C; ++c)
        gradient += static_cast<double>(of.scale(k, c)) * sum_of(k, row, c) +
                    static_cast<double>(of.shift(k, c)) * sum_of(of.count, row, c);
    }
    gradients[i] = squares ? gradient * gradient : gradient;
  }
  __device__ double sum_of(int k, std::int64_t row, std::int64_t c) const {
    const double* const sums = parts + (((k * D + row / N) * of.C + c) * N + row % N) * chunks;
    double total = 0.0;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
      total += sums[chunk];
    return total;
  }
};

namespace {

template <class T, class E, class Y>
void add_up(const NodeSum& sum, Inputs x, Tensor& y) {
  for (const Chunk& chunk : chunks_of(sum.index.size())) {
    MixForward<T, E, Y> kernel{.of = values<T>(sum, chunk, x), .adds = !chunk.is_first(), .y = y.device_data<Y>()};
    const bool wide = fill_maps<T>(chunk, x, sum.P, kernel.z) && is_wide<T>(sum.P, kernel.y);
    kernel.tiling = tiling_of<T>(sum.N * sum.C, sum.P, wide);
    launch(kernel);
  }
}

/// vjp() and weight_diagonal() for branches of one chunk.
template <class T>
class ChunkPull {
 public:
  /// Without slots all sums are made, with them those that their parameters need.
  ChunkPull(const NodeSum& sum, const Chunk& chunk, const Saved& saved, std::int64_t D)
      : sum_(sum), chunk_(chunk), saved_(saved), D_(D), of_(values<T>(sum, chunk, saved.tensors)) {}

  template <class E>
  void pull(const Tensor& y_bar, std::span<GradSlot> x_bar) {
    MixPull<T, E> kernel{.of = of_, .D = D_, .y_bar = y_bar.device_data<T>()};
    bool wide = fill_maps<T>(chunk_, saved_.tensors, sum_.P, kernel.z) && is_wide<T>(sum_.P, kernel.y_bar);
    bool has_sums = x_bar.empty();
    leave_scaled(y_bar, x_bar, kernel);
    for (int k = 0; k < chunk_.count && !x_bar.empty(); ++k) {
      const GradSlot& slot = x_bar[1 + branch(k)];
      kernel.z_bar[k] = data_or_null<T>(slot);
      kernel.adds |= slot.accumulate ? 1ULL << k : 0;
      wide = wide && is_wide<T>(sum_.P, kernel.z_bar[k]);
      if (!x_bar[0] && !affine_slot(k, x_bar))
        kernel.z[k] = nullptr;
      has_sums = has_sums || kernel.z[k] != nullptr;
    }
    kernel.tiling = tiling_of<T>(sum_.N * sum_.C, sum_.P, wide);
    chunks_ = kernel.tiling.chunks;
    if (has_sums) {
      parts_ = Tensor({chunk_.count + 1, D_, sum_.C, sum_.N * chunks_}, DType::kFloat64, y_bar.device());
      kernel.parts = parts_.device_data<double>();
    }
    launch(kernel);
  }

  /// The cotangents of the parameters whose slots are given; the others' are null.
  void put_totals(std::span<GradSlot> x_bar, bool alpha_adds) {
    if (!parts_)
      return;
    if (!share_memory(x_bar))
      return put(x_bar[0], alpha_adds, x_bar, 0, chunk_.count);
    put(x_bar[0], alpha_adds, x_bar, 0, 0);  // one after the other, in the order of the slots
    for (int k = 0; k < chunk_.count; ++k) {
      if (affine_slot(k, x_bar))
        put({}, false, x_bar, k, k + 1);
    }
  }

  void put_sample_gradients(Tensor& gradients, bool squares) const {
    launch(MixSampleGradients<T>{.of = of_,
                                 .D = D_,
                                 .N = sum_.N,
                                 .chunks = chunks_,
                                 .adds = !chunk_.is_first(),
                                 .squares = squares,
                                 .parts = parts_.device_data<double>(),
                                 .gradients = gradients.device_data<double>()});
  }

 private:
  std::size_t branch(int k) const { return chunk_.first + static_cast<std::size_t>(k); }
  /// Takes the offers of GradSlot::factor, with a row of one tensor for each.
  template <class E>
  void leave_scaled(const Tensor& y_bar, std::span<GradSlot> x_bar, MixPull<T, E>& kernel) const {
    Tensor factors;
    for (int k = 0; k < chunk_.count && !x_bar.empty(); ++k) {
      const GradSlot& slot = x_bar[1 + branch(k)];
      if (slot.factor == nullptr)
        continue;
      if (!factors)
        factors = Tensor({chunk_.count, sum_.C}, kDTypeOf<T>, y_bar.device());
      *slot.dst = y_bar;
      *slot.factor = factors.slice(0, k, k + 1).reshape({sum_.C});
    }
    kernel.factors = factors ? factors.device_data<T>() : nullptr;
  }
  GradSlot affine_slot(int k, std::span<GradSlot> x_bar) const {
    const std::size_t input = sum_.affine[branch(k)];
    return input == 0 ? GradSlot{} : x_bar[input];
  }
  /// Do several slots of parameters have one tensor?
  bool share_memory(std::span<GradSlot> x_bar) const {
    std::vector<const T*> all{data_or_null<T>(x_bar[0])};
    for (int k = 0; k < chunk_.count; ++k)
      all.push_back(data_or_null<T>(affine_slot(k, x_bar)));
    std::erase(all, nullptr);
    std::ranges::sort(all);
    return std::ranges::adjacent_find(all) != all.end();
  }
  /// Of alpha, and of the affines of branches [begin, end).
  void put(const GradSlot& alpha, bool alpha_adds, std::span<GradSlot> x_bar, int begin, int end) const {
    MixTotals<T> kernel{.of = of_,
                        .D = D_,
                        .rows = sum_.N * chunks_,
                        .alpha_adds = alpha_adds,
                        .parts = parts_.device_data<double>(),
                        .alpha_bar = data_or_null<T>(alpha)};
    for (int k = begin; k < end; ++k) {
      const GradSlot slot = affine_slot(k, x_bar);
      kernel.affine_bar[k] = data_or_null<T>(slot);
      kernel.adds |= slot.accumulate ? 1ULL << k : 0;
    }
    launch(kernel);
  }

  const NodeSum& sum_;
  Chunk chunk_;
  const Saved& saved_;
  std::int64_t D_;
  MixNumbers<T> of_;
  std::int64_t chunks_ = 0;
  Tensor parts_;  // undefined: no sum is wanted
};

template <class T>
void pull(ChunkPull<T>& chunk, const Saved& saved, const Tensor& y_bar, std::span<GradSlot> x_bar) {
  if constexpr (std::is_same_v<T, float>) {
    if (saved[1].dtype() == DType::kBFloat16)
      return chunk.template pull<BFloat16>(y_bar, x_bar);
  }
  chunk.template pull<T>(y_bar, x_bar);
}

}  // namespace

void NodeSum::forward(Inputs x, Tensor& y) const {
  if (x[1].dtype() != DType::kBFloat16) {
    visit_float(x[0].dtype(), "mix", [&]<class T>() { add_up<T, T, T>(*this, x, y); });
  } else if (index.size() <= kBranches) {
    add_up<float, BFloat16, BFloat16>(*this, x, y);
  } else {
    Tensor wide(y.shape(), DType::kFloat32, y.device());  // so that the sum is rounded once
    add_up<float, BFloat16, float>(*this, x, wide);
    copy(wide, y);
  }
}

void NodeSum::vjp(const Saved& saved, std::int64_t D, const Tensor& y_bar, std::span<GradSlot> x_bar) const {
  visit_float(saved[0].dtype(), "mix", [&]<class T>() {
    bool alpha_adds = x_bar[0].accumulate;
    // The slot of alpha comes first, its sums are known last: a z may be alpha itself.
    const T* const alpha_bar = data_or_null<T>(x_bar[0]);
    const bool is_a_z = std::ranges::any_of(x_bar.subspan(1, index.size()), [&](const GradSlot& slot) {
      return alpha_bar != nullptr && data_or_null<T>(slot) == alpha_bar;
    });
    if (is_a_z && !alpha_adds) {
      fill(*x_bar[0].dst, 0.0);
      alpha_adds = true;
    }
    for (const Chunk& branches : chunks_of(index.size())) {
      ChunkPull<T> chunk(*this, branches, saved, D);
      pull(chunk, saved, y_bar, x_bar);
      chunk.put_totals(x_bar, alpha_adds || !branches.is_first());
    }
  });
}

void NodeSum::weight_diagonal(const Saved& saved, std::int64_t D, const Tensor& y_bar, Grouping grouping,
                              Tensor& H) const {
  const std::vector<Chunk> chunks = chunks_of(index.size());
  Tensor squares({saved[0].numel(), D * N}, DType::kFloat64, H.device());
  visit_float(saved[0].dtype(), "mix", [&]<class T>() {
    for (const Chunk& branches : chunks) {
      ChunkPull<T> chunk(*this, branches, saved, D);
      pull(chunk, saved, y_bar, {});
      chunk.put_sample_gradients(squares, branches.first == chunks.back().first);
    }
  });
  Tensor entries(saved[0].shape(), DType::kFloat64, H.device());
  sum_rows(squares, entries);
  add_grouped(entries, grouping, H);
}

class MixCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    const NodeSum sum = sum_of(op, x[1]);
    cpu::require_one_type(x.subspan(1, sum.index.size()));
    sum.forward(x, y[0]);
    saved.tensors.assign(x.begin(), x.end());
    return true;
  }
  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    sum_of(op, saved[1]).vjp(saved, D, y_bar[0], x_bar);
    return true;
  }
  bool leaves_scaled() const override { return true; }
  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    sum_of(op, saved[1]).jvp(saved, D, x_dot, y_dot[0]);
    return true;
  }
  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    sum_of(op, saved[1]).curvature(saved, D, y_bar[0], x_dot, acc);
    return true;
  }
  bool weight_diagonal(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input,
                       Grouping grouping, Tensor& H) const override {
    if (input != 0)
      return false;
    sum_of(op, saved[1]).weight_diagonal(saved, D, y_bar[0], grouping, H);
    return true;
  }

 private:
  static NodeSum sum_of(const Op& op, const Tensor& z) {
    const auto& mix = static_cast<const MixOp&>(op);
    return {mix.index(), mix.affine_inputs(), z.size(0), z.size(1), z.rank() == 4 ? z.size(2) * z.size(3) : 1};
  }
};

OCKHAM_CUDA_PASSES(mix, MixOp, MixCuda);

}  // namespace ockham::cuda
