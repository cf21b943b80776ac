#pragma once
// The parts of the self-check: each holds a device against the CPU or against itself, and tells what it found.
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/device.h"

namespace ockham::apps {

struct CheckInput {
  Device device;
  bool is_quick = false;           ///< less of the same, for a machine where everything is slow
  std::vector<std::string> ops;    ///< of the registry; empty: all
  std::vector<std::string> cases;  ///< of the bench, to be timed
  std::string oracle;              ///< folder of reference values; empty: none
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

enum class Verdict { kPassed, kFailed, kSkipped };

struct Part {
  Verdict verdict = Verdict::kPassed;
  std::string remark;                                             ///< why it was left out, or what failed first
  std::vector<std::vector<std::string>> table;                    ///< the first row heads the columns
  nlohmann::ordered_json data = nlohmann::ordered_json::array();  ///< the same and more

  void skip(std::string why) {
    remark = std::move(why);
    verdict = Verdict::kSkipped;
  }
  void fail(std::string what) {
    if (verdict != Verdict::kFailed)
      remark = std::move(what);
    verdict = Verdict::kFailed;
  }
};

/// Every pass of every op on every sample, against the CPU's, twice, and recorded (autograd/gradcheck/device.h). On the
/// CPU, where there is nothing to hold it against, the checks of gradcheck.h.
Part check_ops(const CheckInput& input);

/// Twenty training steps of a small supernet, float32, float64 and bfloat16 maps: losses and weights against those of
/// the CPU, and the same steps recorded against themselves, to the bit.
Part check_parity(const CheckInput& input);

/// Exact second derivatives: every array of the reference folder, or without one those of a small supernet by both
/// algorithms against the CPU's.
Part check_hessian(const CheckInput& input);

/// The device's memory is in use after each kind of work as it was before.
Part check_leaks(const CheckInput& input);

/// Milliseconds of the bench's cases, as they come and recorded, in fp32, tf32 and bf16, and the share of the device's
/// bandwidth, measured by moves within its memory, that the recorded step's traffic makes of it; and how many products
/// cuBLAS does. A case of which tf32 changes none is not timed in it: "as fp32".
Part measure_times(const CheckInput& input);

/// @throws UsageError naming the first that is no case of the bench
void require_cases(const std::vector<std::string>& names);
/// @throws UsageError naming the first that is no op of the registry
void require_ops(const std::vector<std::string>& names);

}  // namespace ockham::apps
