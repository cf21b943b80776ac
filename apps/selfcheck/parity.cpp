#include <algorithm>
#include <cmath>

#include "apps/cli/text/format.h"
#include "apps/selfcheck/parts.h"
#include "apps/selfcheck/small_training.h"
#include "engine/backend.h"
#include "engine/error.h"
#include "engine/math.h"

namespace ockham::apps {
namespace {

struct Run {
  std::vector<double> losses;
  std::vector<Tensor> state;
};

Run trained(NumberFormat format, Device device, int steps, bool is_recorded) {
  SmallTraining training(precision_of(format), device);
  Run run;
  std::unique_ptr<RecordedStep> recorded;
  for (int i = 0; i < steps; ++i) {
    training.prepare();
    if (is_recorded && !recorded)
      recorded = backend_of(device).record(device.index, [&] { training.enqueue(); });
    if (is_recorded)
      recorded->run();
    else
      training.enqueue();
    run.losses.push_back(training.loss());
  }
  run.state = training.state();
  return run;
}

/// NaN stays.
void raise(double& worst, double error) {
  if (!(error <= worst))
    worst = error;
}

double loss_difference(const Run& a, const Run& b) {
  double worst = 0.0;
  for (std::size_t i = 0; i < a.losses.size(); ++i)
    raise(worst, std::abs(a.losses[i] - b.losses[i]) / std::abs(b.losses[i]));
  return worst;
}

/// Largest difference over the largest entry of the whole state.
double state_difference(const Run& a, const Run& b) {
  double difference = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < a.state.size(); ++i) {
    const Tensor expected = b.state[i].to(DType::kFloat64);
    Tensor error = a.state[i].to(DType::kFloat64).clone();
    axpy(-1.0, expected, error);
    raise(difference, max_abs(error));
    raise(largest, max_abs(expected));
  }
  return difference / largest;
}

bool equal_bits(const Run& a, const Run& b) {
  return a.losses == b.losses && std::ranges::equal(a.state, b.state, [](const Tensor& x, const Tensor& y) {
           return x.spec() == y.spec() && std::equal(x.device_bytes(), x.device_bytes() + x.nbytes(), y.device_bytes());
         });
}

/// Rounded maps differ by a step of their mantissa, 2^-8, where sums end close to the middle of two; twenty steps of
/// training take that apart, to 0.05 of a loss on the emulation.
double tolerance_of(NumberFormat format) {
  return format == NumberFormat::kFp64 ? 1e-10 : format == NumberFormat::kFp32 ? 1e-4 : 0x1p-3;
}

}  // namespace

Part check_parity(const CheckInput& input) {
  Part part;
  if (input.device.is_cpu()) {
    part.skip("the CPU is what other devices are held against");
    return part;
  }
  const int steps = input.is_quick ? 5 : 20;
  part.table = {{"precision", "steps", "losses", "weights", "tolerance", "recorded"}};
  for (const auto& [name, format] : kNumberFormats) {
    if (format == NumberFormat::kTf32)
      continue;  // so small a network has no product that tf32 changes
    input.progress(concat(name, ", ", steps, " steps"));
    const Run expected = trained(format, {}, steps, false);
    const Run eager = trained(format, input.device, steps, false);
    const bool is_same = equal_bits(trained(format, input.device, steps, true), eager);
    const double losses = loss_difference(eager, expected);
    const double weights = state_difference(eager, expected);
    const double tolerance = tolerance_of(format);
    part.table.push_back({std::string(name), concat(steps), concat(losses), concat(weights), concat(tolerance),
                          is_same ? "same bits" : "OTHER BITS"});
    part.data.push_back({{"precision", name},
                         {"steps", steps},
                         {"loss_difference", losses},
                         {"weight_difference", weights},
                         {"tolerance", tolerance},
                         {"recorded_has_same_bits", is_same}});
    if (!(losses <= tolerance && weights <= tolerance))
      part.fail(concat(name, ": after ", steps, " steps losses differ by ", losses, " and weights by ", weights,
                       ", more than ", tolerance));
    if (!is_same)
      part.fail(concat(name, ": the recorded step gives other bits"));
  }
  return part;
}

}  // namespace ockham::apps
