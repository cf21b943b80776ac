#pragma once
// What a kind of device other than the CPU is to the engine: memory, copies and an order of work. Its arithmetic is
// registered function by function (per_device.h), its ops type by type (autograd/device_passes.h). A program that links
// a backend's objects has it; one that does not names none of it.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/allocator.h"
#include "engine/device.h"

namespace ockham {

/// A step that a device was asked for once and does again whenever it is told: the same work on the same memory, with
/// the same bits. What it allocated stays its own while it lives.
class RecordedStep {
 public:
  virtual ~RecordedStep() = default;
  virtual void run() = 0;
  virtual std::int64_t tasks() const = 0;     ///< pieces of work that the step asked for
  virtual std::int64_t launches() const = 0;  ///< and what is left after those of a kind were put together
  virtual std::size_t bytes() const = 0;      ///< of device memory that it holds
  /// Bytes that the step's work names as read or written, each range once a piece: what a run moves through memory
  /// where no cache helps.
  virtual std::size_t traffic() const = 0;
};

/// How the matrix products of float32 that a device leaves to its library multiply; its own kernels always do as IEEE
/// says. kFp32: so, too. kTf32: factors are rounded to 10-bit mantissas, for tensor cores, and sums are float32.
enum class MathMode { kFp32, kTf32 };

/// Work on a device is done in the order in which it was asked for; only download(), synchronize() and what reads
/// results on the host wait for it.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Why the device cannot be used: one sentence with the remedy; empty if it can.
  virtual std::string obstacle(int index) = 0;
  /// "NVIDIA H100 80GB HBM3, 79.1 GiB, compute capability 9.0".
  virtual std::string description(int index) = 0;
  /// {"driver", "580.95.05"}, {"runtime", "13.0"}, ...: the software below, for accounts of a run. A driver that no
  /// system tells of, as of an emulated device, is left out.
  virtual std::vector<std::pair<std::string, std::string>> versions(int index) = 0;

  /// 256-byte aligned. @throws Error when the device has no memory left, with requested, in use and peak
  /// @throws UsageError past the limit
  virtual void* allocate(int index, std::size_t bytes) = 0;
  virtual void release(int index, void* block, std::size_t bytes) noexcept = 0;
  virtual AllocatorStatistics statistics(int index) = 0;
  virtual void reset_peak(int index) = 0;
  virtual void drop_cache(int index) = 0;
  /// As CachingAllocator::set_limit; what recorded steps hold counts as in use.
  virtual std::size_t set_memory_limit(int index, std::size_t bytes) = 0;

  /// Returns when `host` may be changed again; it need not be pinned.
  virtual void upload(int index, const void* host, void* device, std::size_t bytes) = 0;
  /// Returns when the bytes are there. @throws Error while a step is recorded: its results are not there yet
  virtual void download(int index, const void* device, void* host, std::size_t bytes) = 0;
  /// Within the device's memory.
  virtual void move(int index, const void* from, void* to, std::size_t bytes) = 0;
  virtual void synchronize(int index) = 0;

  /// From here on; kFp32 at the start. A recorded step keeps the mode that it was recorded in.
  virtual void set_math_mode(int index, MathMode mode) = 0;
  /// Products that the library was asked for since the process began, those of recorded steps once: 0 for a piece of
  /// work says that the math mode does not touch it.
  virtual std::int64_t library_products(int index) = 0;

  /// Calls `step` once, without any of its work being done, and keeps that work. Numbers of the host that it uses
  /// become part of it. @throws Error if it waits for a result or uploads
  virtual std::unique_ptr<RecordedStep> record(int index, const std::function<void()>& step) = 0;
};

/// For a backend's own source, at namespace scope; and for tests, which put one around it. @return the one before, null
/// if there was none
std::unique_ptr<Backend> register_backend(Device::Kind kind, std::unique_ptr<Backend> backend);

/// @throws DeviceError if this program has no backend for it, or the device cannot be used
Backend& backend_of(Device device);

/// Returns when the device has done what it was asked for; on the CPU that is so already.
void wait_for(Device device);

/// The device multiplies in this mode while it lives, and then by kFp32 again. On the CPU: nothing.
class MathModeScope {
 public:
  MathModeScope(Device device, MathMode mode);
  ~MathModeScope();
  MathModeScope(const MathModeScope&) = delete;
  MathModeScope& operator=(const MathModeScope&) = delete;

 private:
  Device device_;
};

}  // namespace ockham
