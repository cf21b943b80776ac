// What the emulated device says of itself, and how errors are named.
#include <cuda_runtime.h>

#include <string>

#include "tests/cudaemu/launch_hook.h"
#include "tests/cudaemu/suite/device_memory.h"
#include "tests/cudaemu/suite/kernels/bugs.h"
#include "tests/cudaemu/suite/reports.h"

namespace ockham::emutest {
namespace {

BOOST_AUTO_TEST_SUITE(device)

BOOST_AUTO_TEST_CASE(there_is_one_device_of_compute_capability_nine) {
  int count = 0, current = -1, version = 0;
  check(cudaGetDeviceCount(&count));
  check(cudaGetDevice(&current));
  check(cudaRuntimeGetVersion(&version));
  BOOST_TEST(count == 1);
  BOOST_TEST(current == 0);
  BOOST_TEST(version == 13000);
  BOOST_TEST((cudaSetDevice(1) == cudaErrorInvalidDevice));
  cudaGetLastError();
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0));
  BOOST_TEST(std::string(properties.name) == "CUDA emulation");
  BOOST_TEST(properties.major == 9);
  BOOST_TEST(properties.totalGlobalMem == emu::options().device_bytes);
  int shared = 0;
  check(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0));
  BOOST_TEST(shared == 232448);
}

BOOST_AUTO_TEST_CASE(errors_have_names_and_texts) {
  BOOST_TEST(std::string(cudaGetErrorName(cudaErrorMemoryAllocation)) == "cudaErrorMemoryAllocation");
  BOOST_TEST(std::string(cudaGetErrorString(cudaErrorMemoryAllocation)) == "out of memory");
  BOOST_TEST(std::string(cudaGetErrorString(cudaErrorInvalidConfiguration)) == "invalid configuration argument");
}

BOOST_AUTO_TEST_CASE(kernels_tell_their_limits) {
  cudaFuncAttributes attributes;
  check(cudaFuncSetAttribute(copy, cudaFuncAttributeMaxDynamicSharedMemorySize, 100000));
  check(cudaFuncGetAttributes(&attributes, copy));
  BOOST_TEST(attributes.maxDynamicSharedSizeBytes == 100000);
  BOOST_TEST(attributes.maxThreadsPerBlock == 1024);
  int blocks = 0;
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, copy, 256, 0));
  BOOST_TEST(blocks == 8);
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, copy, 256, 100000));
  BOOST_TEST(blocks == 2);
}

/// A stand-in for another engine: notes what it is given, and runs nothing.
struct Handed {
  static inline std::string name, signature;
  static inline float value = 0;
  static inline unsigned threads = 0;
  static bool take(const char* kernel, dim3, dim3 block, std::size_t, const emu::Pack& pack) {
    const void* values[2];
    std::size_t sizes[2];
    pack.list(values, sizes);
    name = kernel;
    signature = emu::signature_of(kernel);
    value = *static_cast<const float*>(values[1]);
    threads = block.x;
    return true;
  }
};

BOOST_AUTO_TEST_CASE(another_engine_can_take_launches) {
  const DeviceArray<float> y(std::vector<float>(64, 1.0f));
  emu::launch_hook = Handed::take;
  launch(fill, {dim3(1), dim3(64)}, y.data(), 3.0f);
  emu::launch_hook = nullptr;
  BOOST_TEST(Handed::name == "_ZN6ockham7emutest4fillEPff");
  BOOST_TEST(Handed::signature == "ockham::emutest::fill(float*, float)");
  BOOST_TEST(Handed::value == 3.0f);
  BOOST_TEST(Handed::threads == 64u);
  BOOST_TEST(y.host()[0] == 1.0f);
}

BOOST_AUTO_TEST_CASE(a_signature_shows_grid_constants_by_value) {
  BOOST_TEST(emu::signature_of("_ZN6ockham7emutest5scaleERKNS0_5ScaleE") ==
             "ockham::emutest::scale(ockham::emutest::Scale)");
  BOOST_TEST(emu::signature_of("_ZN6ockham7emutest5scaleENS0_5ScaleE") ==
             "ockham::emutest::scale(ockham::emutest::Scale)");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::emutest
