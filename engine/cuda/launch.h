#pragma once
// How a kernel is written and run. A kernel is a struct whose members are its arguments:
//   struct Scale {
//     static constexpr int kThreads = 256;                 // of a block
//     std::int64_t n; float a; float* y;
//     std::int64_t blocks() const { return blocks_for(n, kThreads); }
//     void operands(Operands& o) const { o.writes(y, n); }  // memory that it reads, and that it writes or reads and
//     writes
//     __device__ void operator()(std::int64_t block) const {
//       const std::int64_t i = block * kThreads + threadIdx.x;
//       if (i < n) y[i] *= a;
//     }
//   };
//   launch(Scale{n, 2.0f, y});
// Blocks form one axis; threadIdx.x is the only other index. That makes a launch a value: while a step is recorded
// (recording.h), it is kept with its operands, and launches of one kernel that wait for none of each other become one,
// with the same blocks doing the same work.
//
// Rules: trivially copyable, in a named namespace (the PTX of a kernel is found by its name), no dynamic shared memory,
// no return before a barrier, 64-bit offsets, no atomics on floats. Sums over many blocks are two launches: partial
// sums in an order that depends on the sizes alone, then their sum.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <typeinfo>

#include "engine/cuda/error.h"
#include "engine/cuda/task.h"

namespace ockham::cuda {

/// Bytes of the parameters of a launch of several kernels: 4 KiB, or as many as the kernel asks for by a member
/// kBatchBytes, up to the 32,764 that CUDA takes. For kernels that gather by the hundred, such as sums that nobody
/// waits for before the end of a step; for others more bytes to pass would cost more than they save.
template <class Kernel>
constexpr std::size_t batch_bytes() {
  if constexpr (requires { Kernel::kBatchBytes; })
    return Kernel::kBatchBytes;
  else
    return 4096;
}
inline constexpr std::size_t kMostBatchBytes = 32764;

/// Blocks of a kernel that one multiprocessor shall hold, for which the compiler finds registers: a member
/// kBlocksAtOnce, else as many as it thinks best.
template <class Kernel>
constexpr int blocks_at_once() {
  if constexpr (requires { Kernel::kBlocksAtOnce; })
    return Kernel::kBlocksAtOnce;
  else
    return 0;
}

/// Several kernels of one type as the parameter of one launch.
template <class Kernel>
struct Batch {
  static_assert(batch_bytes<Kernel>() <= kMostBatchBytes);
  static constexpr std::size_t kMost =
      std::max<std::size_t>(1, (batch_bytes<Kernel>() - 16) / (sizeof(Kernel) + sizeof(unsigned)));
  int count;
  unsigned first[kMost];  ///< block of the launch that is each kernel's first
  Kernel kernels[kMost];
};

// The qualifier stands behind the type, where the emulation makes it a reference
// (tests/cudaemu/include/host_defines.h).
template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, blocks_at_once<Kernel>())
    run_one(const Kernel __grid_constant__ kernel) {
  kernel(static_cast<std::int64_t>(blockIdx.x));
}

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, blocks_at_once<Kernel>())
    run_many(const Batch<Kernel> __grid_constant__ batch) {
  int k = 0;
  while (k + 1 < batch.count && blockIdx.x >= batch.first[k + 1])
    ++k;
  batch.kernels[k](static_cast<std::int64_t>(blockIdx.x - batch.first[k]));
}

template <class Kernel>
void launch_together(cudaStream_t stream, std::span<const void* const> kernels) {
  const auto at = [&](std::size_t k) -> const Kernel& { return *static_cast<const Kernel*>(kernels[k]); };
  cudaLaunchConfig_t config{};
  config.blockDim = dim3(Kernel::kThreads);
  config.stream = stream;
  if (kernels.size() == 1) {
    config.gridDim = dim3(static_cast<unsigned>(at(0).blocks()));
    check(cudaLaunchKernelEx(&config, run_one<Kernel>, at(0)), typeid(Kernel).name());
    return;
  }
  Batch<Kernel> batch{};
  unsigned blocks = 0;
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    batch.first[k] = blocks;
    batch.kernels[k] = at(k);
    blocks += static_cast<unsigned>(at(k).blocks());
  }
  batch.count = static_cast<int>(kernels.size());
  config.gridDim = dim3(blocks);
  check(cudaLaunchKernelEx(&config, run_many<Kernel>, batch), typeid(Kernel).name());
}

template <class Kernel>
inline constexpr KernelType kKernelType{
    &typeid(Kernel),
    sizeof(Kernel),
    Batch<Kernel>::kMost,
    [](const void* kernel) { return static_cast<const Kernel*>(kernel)->blocks(); },
    [](const void* kernel, Operands& operands) { static_cast<const Kernel*>(kernel)->operands(operands); },
    launch_together<Kernel>};

/// At namespace scope, for a kernel First with `bool absorb(const Second&)`: where a recorded Second reads what a First
/// wrote and could run right after it, First may take its work in, and one launch does both. It answers false for what
/// it cannot take, such as a second one. Every number must come out with the same bits.
template <class First, class Second>
bool register_absorption() {
  return register_absorption(kKernelType<First>, kKernelType<Second>, [](void* first, const void* second) {
    return static_cast<First*>(first)->absorb(*static_cast<const Second*>(second));
  });
}

/// Runs a kernel after everything that was asked for before it. One without blocks does nothing.
template <class Kernel>
void launch(const Kernel& kernel) {
  static_assert(std::is_trivially_copyable_v<Kernel>, "a recorded launch is a copy of its bytes");
  static_assert(sizeof(Kernel) + 64 <= kMostBatchBytes, "the parameters of a launch");
  Operands operands;
  kernel.operands(operands);
  if (kernel.blocks() > 0)
    enqueue(kKernelType<Kernel>, &kernel, operands);
}

/// Blocks that cover n elements.
constexpr std::int64_t blocks_for(std::int64_t n, std::int64_t per_block) {
  return (n + per_block - 1) / per_block;
}

}  // namespace ockham::cuda
