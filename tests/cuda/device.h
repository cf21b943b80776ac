#pragma once
// Tests of a CUDA device: the emulated one in the program test-cuda, a real one in test-cuda-device.
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/backend.h"
#include "engine/error.h"
#include "engine/log.h"
#include "tests/support.h"

namespace ockham::test {

inline constexpr Device kCuda{.kind = Device::Kind::kCuda};

/// False, and the test is reported as skipped with the reason, where there is no device. OCKHAM_REQUIRE_GPU=1 makes
/// that a failure.
inline bool has_device() {
  try {
    backend_of(kCuda);
    return true;
  } catch (const DeviceError& e) {
    if (std::getenv("OCKHAM_REQUIRE_GPU") != nullptr)
      throw;
    skip(e.what());
    return false;
  }
}

/// What the log says while it lives.
class Told {
 public:
  Told() : level_(log_level()) {
    set_log_level(LogLevel::kInfo);
    set_log_sink([this](LogLevel, std::string_view message) { text_ += concat(message, '\n'); });
  }
  ~Told() {
    set_log_sink({});
    set_log_level(level_);
  }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;
  const std::string& text() const { return text_; }
  bool has(std::string_view part) const { return text_.find(part) != std::string::npos; }

 private:
  LogLevel level_;
  std::string text_;
};

}  // namespace ockham::test

/// A test case that runs where a device is.
#define OCKHAM_CUDA_TEST(name)      \
  static void name##_on_device();   \
  BOOST_AUTO_TEST_CASE(name) {      \
    if (ockham::test::has_device()) \
      name##_on_device();           \
  }                                 \
  static void name##_on_device()
