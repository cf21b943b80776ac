#include "engine/cuda/queue.h"

#include <memory>
#include <utility>

#include "engine/cuda/error.h"
#include "engine/cuda/recording.h"
#include "engine/error.h"

namespace ockham::cuda {
namespace {

constexpr std::size_t kWorkspace = std::size_t{32} << 20;  // what cuBLAS recommends for Hopper

Queue* in_use = nullptr;

/// Of a device, which is chosen first.
cudaStream_t stream_on(int index) {
  check(cudaSetDevice(index), "cudaSetDevice");
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return stream;
}

}  // namespace

Queue& Queue::instance() {
  if (in_use == nullptr)
    throw DeviceError("cuda: no device is in use yet; place a tensor on one first.");
  return *in_use;
}

Queue& Queue::use(int index) {
  // Lives until the process ends: tensors with static lifetime may outlast any destructor order.
  if (in_use == nullptr)
    in_use = new Queue(index);
  if (in_use->index_ != index)
    throw DeviceError(concat("cuda: this process works with cuda:", in_use->index_, " and cannot use cuda:", index,
                             " as well; start a second process for it."));
  return *in_use;
}

Queue::Queue(int index) : index_(index), stream_(stream_on(index)), staging_(stream_) {
  check(cublasCreate(&blas_), "cublasCreate");
  check(cublasSetStream(blas_, stream_), "cublasSetStream");
  // Of its own, so that cuBLAS allocates nothing while a stream is captured, and chooses the same kernels every time.
  // After the stream, which would take it away.
  check(cublasSetWorkspace(blas_, memory_.allocate(kWorkspace), kWorkspace), "cublasSetWorkspace");
  // How a product multiplies, each says itself (gemm.cpp): of all that a handle may allow, nothing beyond that.
  check(cublasSetMathMode(blas_, CUBLAS_DEFAULT_MATH), "cublasSetMathMode");
  check(cublasSetAtomicsMode(blas_, CUBLAS_ATOMICS_NOT_ALLOWED), "cublasSetAtomicsMode");
}

void Queue::run(std::string_view name, const Operands& operands, const std::function<void(cudaStream_t)>& work) {
  if (recorder_ != nullptr)
    recorder_->add(name, operands, work);
  else
    work(stream_);
}

void Queue::run(const KernelType& type, const void* kernel, const Operands& operands) {
  if (recorder_ != nullptr)
    recorder_->add(type, kernel, operands);
  else
    type.launch(stream_, {&kernel, 1});
}

void Queue::synchronize() {
  if (recorder_ != nullptr)
    throw Error("cuda: the host waits for results while a step is recorded, which has none yet; read them after it.");
  check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

Recorder* Queue::set_recorder(Recorder* recorder) {
  return std::exchange(recorder_, recorder);
}

void enqueue(const KernelType& type, const void* kernel, const Operands& operands) {
  Queue::instance().run(type, kernel, operands);
}

}  // namespace ockham::cuda
