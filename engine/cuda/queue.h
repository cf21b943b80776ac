#pragma once
// The device in use: its streams, its cuBLAS handle, its memory, and the recording that takes launches instead of them.
// A process works with one GPU (several are served by several processes), from one thread at a time.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "engine/backend.h"
#include "engine/cuda/allocator.h"
#include "engine/cuda/staging.h"
#include "engine/cuda/task.h"

namespace ockham::cuda {

class Recorder;

class Queue {
 public:
  /// Of the device in use. @throws DeviceError if there is none yet
  static Queue& instance();
  /// Makes `index` the device in use. @throws DeviceError if another one is
  static Queue& use(int index);

  int index() const { return index_; }
  cudaStream_t stream() const { return stream_; }
  cublasHandle_t blas() const { return blas_; }
  DeviceAllocator& memory() { return memory_; }
  Staging& staging() { return staging_; }

  MathMode math_mode() const { return math_mode_; }
  void set_math_mode(MathMode mode) { math_mode_ = mode; }
  /// Products that gemm.h was asked for.
  std::int64_t products() const { return products_; }
  void count_product() { ++products_; }

  /// Does `work` on the stream, or hands it to the recording. `name` is for errors and logs.
  void run(std::string_view name, const Operands& operands, const std::function<void(cudaStream_t)>& work);
  void run(const KernelType& type, const void* kernel, const Operands& operands);

  /// Waits for everything asked for. @throws Error while a step is recorded
  void synchronize();

  Recorder* recorder() const { return recorder_; }
  /// @return the one before; null: launches run at once
  Recorder* set_recorder(Recorder* recorder);

  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

 private:
  explicit Queue(int index);

  int index_;
  cudaStream_t stream_ = nullptr;
  cublasHandle_t blas_ = nullptr;
  DeviceAllocator memory_;
  Staging staging_;
  Recorder* recorder_ = nullptr;
  MathMode math_mode_ = MathMode::kFp32;
  std::int64_t products_ = 0;
};

}  // namespace ockham::cuda
