#pragma once
// The kernels of batch_norm_fold that those before them take in while a step is recorded (engine/cuda/launch.h): a fold
// is a few operations a channel, not worth a launch. For .cu files.
#include "engine/cuda/launch.h"
#include "ops/batch_norm_fold/batch_norm_fold_op.h"

namespace ockham::cuda {

/// What all passes read of a channel.
template <class T>
struct FoldValues {
  std::int64_t C;
  double eps;
  const T* m;      ///< [2, C]
  const T* gamma;  ///< null: 1
  void operands(Operands& o) const {
    o.reads(m, 2 * C);
    o.reads(gamma, C);
  }
  __device__ FoldChannel channel(std::int64_t c) const {
    return {static_cast<double>(m[c]), gamma ? static_cast<double>(gamma[c]) : 1.0,
            1.0 / sqrt(static_cast<double>(m[C + c]) + eps)};
  }
};

template <class T>
struct FoldForward {
  static constexpr int kThreads = 64;
  FoldValues<T> of;
  const T* beta;  ///< null: 0
  T* y;
  std::int64_t blocks() const { return blocks_for(of.C, kThreads); }
  void operands(Operands& o) const {
    of.operands(o);
    o.reads(beta, of.C);
    o.writes(y, 2 * of.C);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t c = block * kThreads + threadIdx.x;
    if (c < of.C)
      put(c);
  }
  __device__ void put(std::int64_t c) const {
    const FoldChannel at = of.channel(c);
    y[c] = static_cast<T>(at.scale());
    y[of.C + c] = static_cast<T>(at.shift(beta ? static_cast<double>(beta[c]) : 0.0));
  }
};

/// A cotangent to be written or added to; null: not wanted.
template <class T>
struct FoldSlot {
  T* data = nullptr;
  bool adds = false;
  __device__ void put(std::int64_t at, double value) const {
    if (data != nullptr)
      data[at] = static_cast<T>(adds ? static_cast<double>(data[at]) + value : value);
  }
};

template <class T>
struct FoldPull {
  static constexpr int kThreads = 64;
  FoldValues<T> of;
  std::int64_t D;
  const T* y_bar;
  FoldSlot<T> m_bar, gamma_bar, beta_bar;  ///< put in this order: they may share memory
  std::int64_t blocks() const { return blocks_for(D * of.C, kThreads); }
  void operands(Operands& o) const {
    of.operands(o);
    o.reads(y_bar, D * 2 * of.C);
    o.writes(m_bar.data, D * 2 * of.C);
    o.writes(gamma_bar.data, D * of.C);
    o.writes(beta_bar.data, D * of.C);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x;
    if (i < D * of.C)
      put(i);
  }
  /// Channel i % C of direction i / C.
  __device__ void put(std::int64_t i) const {
    const std::int64_t c = i % of.C;
    const std::int64_t at = i / of.C * 2 * of.C + c;
    const FoldTangent bar = of.channel(c).pulled(static_cast<double>(y_bar[at]), static_cast<double>(y_bar[at + of.C]));
    m_bar.put(at, bar.mean);
    m_bar.put(at + of.C, bar.variance);
    gamma_bar.put(i, bar.gamma);
    beta_bar.put(i, bar.beta);
  }
};

/// Folds, at most kMost, that the kernel which makes their moments takes in: done channel by channel, right behind
/// them.
template <class T, int kMost = 1>
struct TakenFold {
  FoldForward<T> folds[kMost] = {};  ///< from the first on; of null: none

  /// @param moments that the kernel writes
  bool take(const FoldForward<T>& other, const T* moments) {
    int k = 0;
    while (k < kMost && folds[k].y != nullptr)
      ++k;
    if (k == kMost || other.of.m != moments)
      return false;
    folds[k] = other;
    return true;
  }
  void operands(Operands& o) const {
    for (int k = 0; k < kMost && folds[k].y != nullptr; ++k)
      folds[k].operands(o);
  }
  /// By the thread that wrote the moments of channel c.
  __device__ void put(std::int64_t c) const {
    for (int k = 0; k < kMost && folds[k].y != nullptr; ++k)
      folds[k].put(c);
  }
};

/// The same for a pull of the cotangent that a kernel makes.
template <class T>
struct TakenPull {
  FoldPull<T> pull = {};  ///< of null: none

  /// @param y_bar that the kernel writes
  bool take(const FoldPull<T>& other, const T* y_bar) {
    if (pull.y_bar != nullptr || other.y_bar != y_bar)
      return false;
    pull = other;
    return true;
  }
  void operands(Operands& o) const {
    if (pull.y_bar != nullptr)
      pull.operands(o);
  }
  /// By the thread that wrote both cotangents of channel i % C, direction i / C.
  __device__ void put(std::int64_t i) const {
    if (pull.y_bar != nullptr)
      pull.put(i);
  }
};

}  // namespace ockham::cuda
