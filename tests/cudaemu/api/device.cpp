// The one device: a processor of compute capability 9.0, with an H100's limits.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/kernels.h"
#include "tests/cudaemu/runtime/stream.h"

using namespace emu;

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define EMU_NAME(name, value, text) \
  case name:                        \
    return #name;
    EMU_CUDA_ERRORS(EMU_NAME)
#undef EMU_NAME
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define EMU_TEXT(name, value, text) \
  case name:                        \
    return text;
    EMU_CUDA_ERRORS(EMU_TEXT)
#undef EMU_TEXT
  }
  return "unrecognized error code";
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : fail(cudaErrorInvalidDevice);
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaInitDevice(int device, unsigned, unsigned) {
  return cudaSetDevice(device);
}

cudaError_t cudaSetDeviceFlags(unsigned) {
  return cudaSuccess;
}

cudaError_t cudaDeviceReset() {
  return cudaDeviceSynchronize();
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0)
    return fail(cudaErrorInvalidDevice);
  *properties = {};
  std::strncpy(properties->name, "CUDA emulation", sizeof properties->name - 1);
  properties->totalGlobalMem = options().device_bytes;
  properties->sharedMemPerBlock = kSharedBytes;
  properties->sharedMemPerBlockOptin = kMostSharedBytes;
  properties->sharedMemPerMultiprocessor = 233472;
  properties->reservedSharedMemPerBlock = 1024;
  properties->totalConstMem = 65536;
  properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->maxBlocksPerMultiProcessor = 32;
  properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024;
  properties->maxThreadsDim[2] = 64;
  properties->maxGridSize[0] = 2147483647;
  properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
  properties->major = 9;
  properties->multiProcessorCount = 132;
  properties->concurrentKernels = properties->unifiedAddressing = properties->canMapHostMemory = 1;
  properties->asyncEngineCount = 3;
  properties->memoryBusWidth = 5120;
  properties->l2CacheSize = 50 << 20;
  properties->memoryPoolsSupported = 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, device); error != cudaSuccess)
    return error;
  const auto known = [&]() -> long {
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
        return properties.maxThreadsPerBlock;
      case cudaDevAttrMaxBlockDimX:
        return properties.maxThreadsDim[0];
      case cudaDevAttrMaxBlockDimY:
        return properties.maxThreadsDim[1];
      case cudaDevAttrMaxBlockDimZ:
        return properties.maxThreadsDim[2];
      case cudaDevAttrMaxGridDimX:
        return properties.maxGridSize[0];
      case cudaDevAttrMaxGridDimY:
        return properties.maxGridSize[1];
      case cudaDevAttrMaxGridDimZ:
        return properties.maxGridSize[2];
      case cudaDevAttrMaxSharedMemoryPerBlock:
        return static_cast<long>(properties.sharedMemPerBlock);
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        return static_cast<long>(properties.sharedMemPerBlockOptin);
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        return static_cast<long>(properties.sharedMemPerMultiprocessor);
      case cudaDevAttrTotalConstantMemory:
        return static_cast<long>(properties.totalConstMem);
      case cudaDevAttrWarpSize:
        return properties.warpSize;
      case cudaDevAttrMaxRegistersPerBlock:
      case cudaDevAttrMaxRegistersPerMultiprocessor:
        return properties.regsPerBlock;
      case cudaDevAttrClockRate:
        return 1980000;
      case cudaDevAttrMemoryClockRate:
        return 2619000;
      case cudaDevAttrGlobalMemoryBusWidth:
        return properties.memoryBusWidth;
      case cudaDevAttrL2CacheSize:
        return properties.l2CacheSize;
      case cudaDevAttrMultiProcessorCount:
        return properties.multiProcessorCount;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        return properties.maxThreadsPerMultiProcessor;
      case cudaDevAttrMaxBlocksPerMultiprocessor:
        return properties.maxBlocksPerMultiProcessor;
      case cudaDevAttrAsyncEngineCount:
        return properties.asyncEngineCount;
      case cudaDevAttrComputeCapabilityMajor:
        return properties.major;
      case cudaDevAttrConcurrentKernels:
      case cudaDevAttrUnifiedAddressing:
      case cudaDevAttrMemoryPoolsSupported:
        return 1;
      case cudaDevAttrComputeCapabilityMinor:
      case cudaDevAttrIntegrated:
      case cudaDevAttrManagedMemory:
      case cudaDevAttrCooperativeLaunch:
      case cudaDevAttrPciBusId:
      case cudaDevAttrPciDeviceId:
      case cudaDevAttrPciDomainId:
        return 0;
    }
    std::fprintf(stderr, "cuda-emu: device attribute %d is not emulated\n", static_cast<int>(attribute));
    std::abort();
  };
  *value = static_cast<int>(known());
  return cudaSuccess;
}
