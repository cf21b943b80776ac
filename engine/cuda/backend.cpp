// CUDA as a backend of the engine.
#include "engine/backend.h"

#include <cuda_runtime.h>

#include <cctype>
#include <fstream>
#include <iomanip>
#include <sstream>

#include "engine/cuda/error.h"
#include "engine/cuda/queue.h"
#include "engine/cuda/recording.h"
#include "engine/error.h"

namespace ockham::cuda {
namespace {

/// As CUDA numbers its versions: 13000 is 13.0.
std::string cuda_version(int number) {
  return concat(number / 1000, '.', number % 1000 / 10);
}

/// "580.95.05" of "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Sat ...", which the kernel module tells.
std::string driver_version() {
  std::ifstream file("/proc/driver/nvidia/version");
  for (std::string word; file >> word;) {
    if (std::isdigit(static_cast<unsigned char>(word[0])) && word.find('.') != std::string::npos)
      return word;
  }
  return {};
}

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

  std::vector<std::pair<std::string, std::string>> versions(int index) override {
    std::vector<std::pair<std::string, std::string>> result;
    if (const std::string driver = driver_version(); !driver.empty())
      result.emplace_back("driver", driver);
    int number = 0;
    check(cudaDriverGetVersion(&number), "cudaDriverGetVersion");
    result.emplace_back("CUDA of the driver", cuda_version(number));
    check(cudaRuntimeGetVersion(&number), "cudaRuntimeGetVersion");
    result.emplace_back("runtime", cuda_version(number));
    check(cublasGetVersion(Queue::use(index).blas(), &number), "cublasGetVersion");
    result.emplace_back("cuBLAS", concat(number / 10000, '.', number / 100 % 100, '.', number % 100));
    return result;
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
  std::size_t set_memory_limit(int index, std::size_t bytes) override {
    return Queue::use(index).memory().set_limit(bytes);
  }

  void upload(int index, const void* host, void* device, std::size_t bytes) override {
    Queue& queue = Queue::use(index);
    if (queue.recorder() != nullptr)
      throw Error(concat("cuda: ", bytes,
                         " bytes of the host would become a constant of the step that is recorded; "
                         "place them on the device before, and write them there before each run."));
    queue.staging().upload(host, device, bytes);
  }

  void download(int index, const void* device, void* host, std::size_t bytes) override {
    Queue& queue = Queue::use(index);
    if (queue.recorder() != nullptr)
      queue.synchronize();  // which says why not
    check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, queue.stream()), "cudaMemcpyAsync to the host");
    queue.synchronize();
  }

  void move(int index, const void* from, void* to, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, Queue::use(index).stream()),
          "cudaMemcpyAsync on the device");
  }

  void synchronize(int index) override { Queue::use(index).synchronize(); }

  void set_math_mode(int index, MathMode mode) override { Queue::use(index).set_math_mode(mode); }
  std::int64_t library_products(int index) override { return Queue::use(index).products(); }

  std::unique_ptr<RecordedStep> record(int index, const std::function<void()>& step) override {
    return std::make_unique<Recording>(Queue::use(index), step);
  }
};

[[maybe_unused]] const bool registered =
    register_backend(Device::Kind::kCuda, std::make_unique<CudaBackend>()) == nullptr;

}  // namespace
}  // namespace ockham::cuda
