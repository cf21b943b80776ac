// CUDA on the CPU. This folder stands in for CUDA's headers where an emulated build puts it first in the include path;
// kernels and their host code are the very sources that nvcc compiles.
#pragma once
#include <cuda_runtime_api.h>
#include <device_atomic_functions.h>
#include <device_launch_parameters.h>
#include <driver_types.h>
#include <host_defines.h>
#include <math_functions.h>
#include <sm_30_intrinsics.h>
#include <vector_types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../launch_hook.h"

namespace emu {

template <class... Parameters>
class PackOf final : public Pack {
 public:
  template <class... Arguments>
  explicit PackOf(void (*kernel)(Parameters...), Arguments&&... arguments)
      : kernel_(kernel), arguments_(std::forward<Arguments>(arguments)...) {}
  void call() const override { std::apply(kernel_, arguments_); }
  int count() const override { return sizeof...(Parameters); }
  void list(const void** values, std::size_t* sizes) const override {
    std::apply([&](const auto&... argument) { ((*values++ = &argument, *sizes++ = sizeof argument), ...); },
               arguments_);
  }
  /// The arguments that are pointers, which must lead to device memory.
  int pointers(const void** found) const {
    int count = 0;
    const auto note = [&](const auto& argument) {
      if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(argument)>>)
        found[count++] = reinterpret_cast<const void*>(argument);
    };
    std::apply([&](const auto&... argument) { (note(argument), ...); }, arguments_);
    return count;
  }

 private:
  void (*kernel_)(Parameters...);
  std::tuple<std::decay_t<Parameters>...> arguments_;
};

/// Where parameters of these sizes and alignments end.
template <class... Parameters>
constexpr std::size_t parameter_bytes() {
  std::size_t end = 0;
  ((end = (end + alignof(Parameters) - 1) / alignof(Parameters) * alignof(Parameters) + sizeof(Parameters)), ...);
  return end;
}

cudaError_t launch(const cudaLaunchConfig_t& config, std::shared_ptr<const Pack> pack, std::size_t pack_bytes,
                   const void* const* pointers, int pointer_count, const void* kernel);

}  // namespace emu

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  static_assert(emu::parameter_bytes<std::decay_t<Parameters>...>() <= emu::kMaxParameterBytes,
                "a kernel has at most 32,764 bytes of parameters");
  using Pack = emu::PackOf<Parameters...>;
  const auto pack = std::make_shared<const Pack>(kernel, std::forward<Arguments>(arguments)...);
  const void* pointers[sizeof...(Parameters) + 1];
  const int count = pack->pointers(pointers);
  return emu::launch(*config, pack, sizeof(Pack), pointers, count, reinterpret_cast<const void*>(kernel));
}

template <class T>
cudaError_t cudaMalloc(T** address, std::size_t bytes) {
  return cudaMalloc(reinterpret_cast<void**>(address), bytes);
}
template <class T>
cudaError_t cudaMallocAsync(T** address, std::size_t bytes, cudaStream_t stream) {
  return cudaMallocAsync(reinterpret_cast<void**>(address), bytes, stream);
}
template <class T>
cudaError_t cudaMallocHost(T** address, std::size_t bytes, unsigned flags = 0) {
  return cudaHostAlloc(reinterpret_cast<void**>(address), bytes, flags);
}
template <class T>
cudaError_t cudaHostAlloc(T** address, std::size_t bytes, unsigned flags) {
  return cudaHostAlloc(reinterpret_cast<void**>(address), bytes, flags);
}
template <class R, class... Parameters>
cudaError_t cudaFuncSetAttribute(R (*kernel)(Parameters...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <class R, class... Parameters>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, R (*kernel)(Parameters...)) {
  return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}
template <class R, class... Parameters>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, R (*kernel)(Parameters...), int threads,
                                                          std::size_t dynamic_bytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, reinterpret_cast<const void*>(kernel), threads,
                                                       dynamic_bytes);
}
