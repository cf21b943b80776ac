// CUDA as a backend of the engine.
#include "engine/backend.h"

#include <cuda_runtime.h>

#include <iomanip>
#include <sstream>

#include "engine/cuda/error.h"
#include "engine/cuda/queue.h"
#include "engine/cuda/recording.h"
#include "engine/error.h"

namespace ockham::cuda {
namespace {

class CudaBackend final : public Backend {
 public:
  std::string obstacle(int index) override {
    int count = 0;
    if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess || count == 0) {
      cudaGetLastError();
      return concat("no CUDA device can be used here (",
                    cudaGetErrorName(error == cudaSuccess ? cudaErrorNoDevice : error),
                    "); install the NVIDIA driver, or use --device cpu.");
    }
    if (index >= count)
      return concat("this machine has ", count, ", cuda:0 to cuda:", count - 1, "; choose one of them.");
    return {};
  }

  std::string description(int index) override {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
    std::ostringstream text;
    text << properties.name << ", " << std::fixed << std::setprecision(1)
         << static_cast<double>(properties.totalGlobalMem) / (1 << 30) << " GiB, compute capability "
         << properties.major << '.' << properties.minor;
    return text.str();
  }

  void* allocate(int index, std::size_t bytes) override { return Queue::use(index).memory().allocate(bytes); }
  void release(int, void* block, std::size_t) noexcept override { Queue::instance().memory().release(block); }
  AllocatorStatistics statistics(int index) override { return Queue::use(index).memory().statistics(); }
  void reset_peak(int index) override { Queue::use(index).memory().reset_peak(); }
  void drop_cache(int index) override {
    Queue& queue = Queue::use(index);
    queue.synchronize();
    queue.memory().drop_cache();
  }

  void upload(int index, const void* host, void* device, std::size_t bytes) override {
    Queue& queue = Queue::use(index);
    if (queue.recorder() != nullptr)
      throw Error(concat("cuda: ", bytes,
                         " bytes of the host would become a constant of the step that is recorded; "
                         "place them on the device before, and write them there before each run."));
    check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, queue.stream()),
          "cudaMemcpyAsync to the device");
    queue.synchronize();
  }

  void download(int index, const void* device, void* host, std::size_t bytes) override {
    Queue& queue = Queue::use(index);
    if (queue.recorder() != nullptr)
      queue.synchronize();  // which says why not
    check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, queue.stream()), "cudaMemcpyAsync to the host");
    queue.synchronize();
  }

  void synchronize(int index) override { Queue::use(index).synchronize(); }

  std::unique_ptr<RecordedStep> record(int index, const std::function<void()>& step) override {
    return std::make_unique<Recording>(Queue::use(index), step);
  }
};

[[maybe_unused]] const bool registered = register_backend(Device::Kind::kCuda, std::make_unique<CudaBackend>());

}  // namespace
}  // namespace ockham::cuda
