// The memory of the device: its size, what lies between allocations, and how far the host may go.
#include <cuda_runtime.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <vector>

#include "tests/cudaemu/suite/device_memory.h"
#include "tests/cudaemu/suite/handles.h"
#include "tests/cudaemu/suite/kernels/bugs.h"
#include "tests/cudaemu/suite/reports.h"

namespace ockham::emutest {
namespace {

using Floats = DeviceArray<float>;

/// The exit code of a child process that does this.
template <class Body>
int exit_code_of(Body&& body) {
  std::fflush(nullptr);  // or the child would print it, too
  const pid_t child = fork();
  if (child == 0) {
    [[maybe_unused]] const bool is_quiet = std::freopen("/dev/null", "w", stderr) != nullptr;
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class DeviceSize {
 public:
  explicit DeviceSize(std::size_t bytes) : before_(emu::options().device_bytes) { emu::options().device_bytes = bytes; }
  ~DeviceSize() { emu::options().device_bytes = before_; }
  DeviceSize(const DeviceSize&) = delete;
  DeviceSize& operator=(const DeviceSize&) = delete;

 private:
  std::size_t before_;
};

BOOST_AUTO_TEST_SUITE(memory)

BOOST_AUTO_TEST_CASE(the_device_runs_out_of_memory_at_its_size) {
  const DeviceSize size(emu::live_bytes() + (1 << 20));
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total));
  BOOST_TEST(free == 1u << 20);
  float *a = nullptr, *b = nullptr;
  check(cudaMalloc(&a, 700 << 10));
  BOOST_TEST((cudaMalloc(&b, 400 << 10) == cudaErrorMemoryAllocation));
  BOOST_TEST((cudaGetLastError() == cudaErrorMemoryAllocation));
  BOOST_TEST(b == nullptr);
  const Stream s;
  const StreamOrder lazy(emu::Streams::lazy);
  check(cudaFreeAsync(a, s));
  check(cudaMallocAsync(&b, 400 << 10, s));  // the free that is under way makes room
  check(cudaFree(b));
  check(cudaMemGetInfo(&free, &total));
  BOOST_TEST(free == 1u << 20);
}

BOOST_AUTO_TEST_CASE(fresh_memory_is_not_a_number_and_the_peak_is_kept) {
  const Floats x(std::size_t{1000});
  std::vector<float> values(1000);
  {
    KeptReports reports;  // in check mode, of reading what nobody wrote
    values = x.host();
  }
  for (const float value : values)
    BOOST_TEST(std::isnan(value));
  emu::reset_peak_bytes();
  const std::size_t before = emu::live_bytes();
  { const Floats more(std::size_t{2560}); }
  BOOST_TEST(emu::live_bytes() == before);
  BOOST_TEST(emu::peak_bytes() == before + 10240);
}

BOOST_AUTO_TEST_CASE(writes_behind_an_allocation_are_found_when_it_is_freed) {
  KeptReports reports;
  {
    const Floats x(std::size_t{64});
    launch(writes_one_too_many, {dim3(2), dim3(64)}, x.data(), 64);
  }
  BOOST_TEST(reports.are("memcheck", "wrote 0 bytes past the end"));
}

BOOST_AUTO_TEST_CASE(addresses_come_back_late) {
  float* first = nullptr;
  check(cudaMalloc(&first, 256));
  check(cudaFree(first));
  for (int i = 0; i < 1000; ++i) {
    float* next = nullptr;
    check(cudaMalloc(&next, 256));
    BOOST_TEST(next != first);
    check(cudaFree(next));
  }
}

BOOST_AUTO_TEST_CASE(large_freed_blocks_end_the_program_when_touched) {
  float* large = nullptr;
  check(cudaMalloc(&large, 4 << 20));
  check(cudaFree(large));
  BOOST_TEST(exit_code_of([&] { launch(fill, {dim3(1), dim3(64)}, large + (1 << 19), 1.0f); }) == 86);
}

BOOST_AUTO_TEST_CASE(a_used_up_stack_is_said) {
  const Floats x(std::vector<float>(64));
  launch(needs_a_large_stack, {dim3(1), dim3(64)}, x.data(), 10);
  BOOST_TEST(x.host()[0] == 1.0f);
  BOOST_TEST(exit_code_of([&] { launch(needs_a_large_stack, {dim3(1), dim3(64)}, x.data(), 1000); }) == 86);
}

BOOST_AUTO_TEST_CASE(host_code_may_not_touch_device_memory_under_protection) {
  const Floats x(std::vector<float>(64));
  emu::options().protect = true;
  check(cudaDeviceSynchronize());
  launch(fill, {dim3(1), dim3(64)}, x.data(), 2.0f);
  BOOST_TEST(x.host()[63] == 2.0f);
  const int code = exit_code_of([&] { *x.data() = 1; });
  emu::options().protect = false;
  launch(fill, {dim3(1), dim3(64)}, x.data(), 2.0f);
  BOOST_TEST(code == 86);
}

BOOST_AUTO_TEST_CASE(reports_end_the_program_unless_they_are_kept) {
  BOOST_TEST(exit_code_of([] { cudaFree(reinterpret_cast<void*>(16)); }) == 86);
  KeptReports reports;
  BOOST_TEST((cudaFree(reinterpret_cast<void*>(16)) == cudaErrorInvalidValue));
  BOOST_TEST(reports.are("memcheck"));
  cudaGetLastError();
}

BOOST_AUTO_TEST_CASE(copies_of_rectangles_and_wrong_directions) {
  const std::vector<float> host{1, 2, 3, 4, 5, 6};
  const Floats x(std::vector<float>(12));
  check(cudaMemcpy2D(x, 16, host.data(), 8, 8, 3, cudaMemcpyHostToDevice));
  BOOST_TEST(x.host() == (std::vector<float>{1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0, 0}));
  std::vector<float> back(3);
  check(cudaMemcpy2D(back.data(), 4, x.data() + 1, 16, 4, 3, cudaMemcpyDeviceToHost));
  BOOST_TEST(back == (std::vector<float>{2, 4, 6}));
  BOOST_TEST((cudaMemcpy2D(x, 4, host.data(), 8, 8, 3, cudaMemcpyHostToDevice) == cudaErrorInvalidValue));
  BOOST_TEST((cudaMemcpy(back.data(), host.data(), 4, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue));
  BOOST_TEST((cudaMemset(back.data(), 0, 4) == cudaErrorInvalidValue));
  cudaGetLastError();
}

BOOST_AUTO_TEST_CASE(pointers_know_where_they_lead) {
  const Floats x(std::size_t{64});
  std::vector<float> pageable(64);
  float* pinned = nullptr;
  check(cudaMallocHost(&pinned, 256));
  const auto type_of = [](const void* address) {
    cudaPointerAttributes attributes;
    check(cudaPointerGetAttributes(&attributes, address));
    return static_cast<int>(attributes.type);
  };
  BOOST_TEST(type_of(x.data() + 63) == cudaMemoryTypeDevice);
  BOOST_TEST(type_of(pinned + 63) == cudaMemoryTypeHost);
  BOOST_TEST(type_of(pageable.data()) == cudaMemoryTypeUnregistered);
  check(cudaHostRegister(pageable.data(), 256, cudaHostRegisterDefault));
  BOOST_TEST(type_of(pageable.data()) == cudaMemoryTypeHost);
  check(cudaHostUnregister(pageable.data()));
  BOOST_TEST((cudaFreeHost(pageable.data()) == cudaErrorInvalidValue));
  cudaGetLastError();
  cudaFreeHost(pinned);
}

BOOST_AUTO_TEST_CASE(the_pool_tells_what_is_used) {
  cudaMemPool_t pool = nullptr;
  check(cudaDeviceGetDefaultMemPool(&pool, 0));
  std::uint64_t threshold = ~std::uint64_t{0}, used = 0;
  check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold));
  const Stream s;
  float* x = nullptr;
  check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used));
  const std::uint64_t before = used;
  check(cudaMallocAsync(&x, 1000, s));
  check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used));
  BOOST_TEST(used == before + 1024);
  check(cudaFreeAsync(x, s));
  check(cudaStreamSynchronize(s));
  check(cudaMemPoolTrimTo(pool, 0));
  check(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used));
  BOOST_TEST(used == before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham::emutest
