// The commented example on a GPU: kernels and passes of Square by hand, so that each piece can be seen. A real
// elementwise op would be one line (ops/silu), a linear or bilinear one its apply and transposes (ops/mul), a sum over
// all elements sums_of() (engine/cuda/map.h).
#include "autograd/device_passes.h"
#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "engine/cuda/reduce.h"
#include "ops/skeleton/skeleton_op.h"

// Kernels stand in a named namespace, in which every type has one meaning in the whole program.
namespace ockham::cuda {

// A. A kernel is a struct, its arguments are members: out[i] (+)= factor * x[i % n] * v[i] for i < count. With factor 1
//    and v = x that is forward(), with factor 2 it is vjp() and jvp() for all directions at once.
template <class T>
struct SquareProducts {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;
  std::int64_t count;
  std::int64_t n;  ///< elements of x: one direction
  T factor;
  const T* x;
  const T* v;
  T* out;
  bool adds;

  // How many blocks it takes. None at all is fine: the launch is left out.
  std::int64_t blocks() const { return blocks_for(count, kPerBlock); }
  // All memory that it touches: what orders it among others where a step is recorded.
  void operands(Operands& o) const {
    o.reads(x, n);
    o.reads(v, count);
    o.writes(out, count);
  }
  // What one block does. Neighbouring threads take neighbouring elements, and a thread loads all of its own before it
  // stores one, so that their ways to the memory overlap.
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t first = block * kPerBlock + threadIdx.x;
    T value[kPerThread] = {};
    for (int k = 0; k < kPerThread; ++k) {
      const std::int64_t i = first + k * kThreads;
      if (i < count)
        value[k] = factor * x[i % n] * v[i] + (adds ? out[i] : T(0));
    }
    for (int k = 0; k < kPerThread; ++k) {
      const std::int64_t i = first + k * kThreads;
      if (i < count)
        out[i] = value[k];
    }
  }
};

// B. A long sum takes two launches: of pieces, whose size depends on nothing, then of the pieces, in order. No atomics
//    on floats: the same bits every time. parts[d, p] = <y_bar, D2f[t_d, t_d]> over piece p.
template <class T>
struct SquareCurvature {
  static constexpr int kThreads = 256;
  static constexpr std::int64_t kPiece = kThreads * 16;
  std::int64_t D, n;
  const T* g;
  const T* t;
  double* parts;

  std::int64_t blocks() const { return D * blocks_for(n, kPiece); }
  void operands(Operands& o) const {
    o.reads(g, n);
    o.reads(t, D * n);
    o.writes(parts, blocks());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t pieces = blocks_for(n, kPiece);
    const std::int64_t d = block / pieces;
    const std::int64_t first = block % pieces * kPiece;
    const std::int64_t end = first + kPiece < n ? first + kPiece : n;
    double total = 0.0;
    for (std::int64_t i = first + threadIdx.x; i < end; i += kThreads)
      total += 2.0 * static_cast<double>(g[i] * t[d * n + i] * t[d * n + i]);
    total = block_sum<kThreads>(total);  // a barrier: no thread may have returned before
    if (threadIdx.x == 0)
      parts[block] = total;
  }
};

// C. The passes. Arguments are those of the op's own, with all tensors on the device; true: done. What a pass keeps in
//    Saved is what the CPU keeps, in the same order: a pass that is missing here runs there, on copies.
class SquareCuda : public DevicePasses {
 public:
  bool forward(const Op&, Inputs x, Outputs y, Saved& saved) const override {
    multiply(1.0, x[0], x[0], y[0], false);
    saved.keep(x[0]);
    return true;
  }

  bool vjp(const Op&, const Saved& saved, std::int64_t, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (x_bar[0])
      multiply(2.0, saved[0], y_bar[0], *x_bar[0].dst, x_bar[0].accumulate);
    return true;
  }

  bool jvp(const Op&, const Saved& saved, std::int64_t, Inputs x_dot, Outputs y_dot) const override {
    multiply(2.0, saved[0], x_dot[0], y_dot[0], false);
    return true;
  }

  // acc is on the host: reading it back waits for the device, so once a call.
  bool curvature(const Op&, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    const std::int64_t n = saved[0].numel();
    visit_float(saved[0].dtype(), "square", [&]<class T>() {
      using Kernel = SquareCurvature<T>;
      Tensor parts({D, blocks_for(n, Kernel::kPiece)}, DType::kFloat64, saved[0].device());
      launch(Kernel{.D = D,
                    .n = n,
                    .g = y_bar[0].device_data<T>(),
                    .t = x_dot[0].device_data<T>(),
                    .parts = parts.device_data<double>()});
      add_row_sums(parts, 1.0, acc);
    });
    return true;
  }

 private:
  static void multiply(double factor, const Tensor& x, const Tensor& v, Tensor& out, bool adds) {
    visit_float(x.dtype(), "square", [&]<class T>() {
      launch(SquareProducts<T>{.count = v.numel(),
                               .n = x.numel(),
                               .factor = static_cast<T>(factor),
                               .x = x.device_data<T>(),
                               .v = v.device_data<T>(),
                               .out = out.device_data<T>(),
                               .adds = adds});
    });
  }
};

// D. Registration, by the type of the op. Nothing else names this file: CMake finds it, and a build without CUDA leaves
//    it out. test-cuda runs every pass on every registered sample against the CPU's, without a GPU too.
OCKHAM_CUDA_PASSES(skeleton, Square, SquareCuda);

}  // namespace ockham::cuda
