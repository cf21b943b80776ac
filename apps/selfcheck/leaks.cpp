#include "apps/cli/text/format.h"
#include "apps/selfcheck/parts.h"
#include "apps/selfcheck/small_training.h"
#include "autograd/gradcheck/device.h"
#include "autograd/hessian.h"
#include "engine/backend.h"
#include "engine/device_memory.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

struct Work {
  const char* name;
  std::function<void()> run;
};

void train(Device device, bool is_recorded) {
  SmallTraining training(precision_of(NumberFormat::kFp32), device);
  training.prepare();
  training.enqueue();
  if (!is_recorded)
    return;
  const auto step = backend_of(device).record(device.index, [&] { training.enqueue(); });
  for (int i = 0; i < 2; ++i) {
    training.prepare();
    step->run();
  }
}

void differentiate(Device device, HessianAlgorithm algorithm) {
  SmallSwitches net(DType::kFloat32, device);
  Tape tape;
  const Variable loss = net.loss(tape, BatchNormMode::kRunning);
  hessian_diagonal(loss, std::span(net.switches).first(4), {.algorithm = algorithm});
}

/// A step that is refused half-way must give back what it took, too.
void fail_while_recorded(Device device) {
  try {
    backend_of(device).record(device.index, [&] {
      const Tensor taken = Tensor::zeros({1000}, DType::kFloat32, device);
      throw Error("on purpose");
    });
  } catch (const Error&) {
  }
}

std::vector<Work> works_of(const CheckInput& input) {
  const Device device = input.device;
  std::vector<Work> works{{"a training step", [=] { train(device, false); }},
                          {"second derivatives by R", [=] { differentiate(device, HessianAlgorithm::kReverse); }},
                          {"second derivatives by F", [=] { differentiate(device, HessianAlgorithm::kForward); }}};
  if (!device.is_cpu()) {
    works.push_back({"a recorded training step", [=] { train(device, true); }});
    works.push_back({"a recording that fails", [=] { fail_while_recorded(device); }});
    works.push_back({"passes of the first op", [=] {
                       const OpCase first = OpRegistry::instance().cases().front();
                       check_on_device(first.samples.front(), CheckFormat::kFloat32, device);
                     }});
  }
  return works;
}

/// Runs after which every thread has had work.
constexpr int kThreadsMayJoin = 8;

}  // namespace

Part check_leaks(const CheckInput& input) {
  Part part;
  part.table = {{"after", "bytes before", "bytes after", "peak", ""}};
  for (const Work& work : works_of(input)) {
    input.progress(work.name);
    work.run();  // what the first of a kind keeps for good, such as the workspace of cuBLAS, is no leak
    std::size_t before = memory_statistics(input.device).bytes_in_use;
    work.run();
    AllocatorStatistics after = memory_statistics(input.device);
    // A thread of the CPU keeps scratch from its first piece of work on, which may come late: no leak, as it comes
    // once.
    for (int again = 0; again < kThreadsMayJoin && after.bytes_in_use != before; ++again) {
      before = after.bytes_in_use;
      work.run();
      after = memory_statistics(input.device);
    }
    const bool is_same = after.bytes_in_use == before;
    part.table.push_back({work.name, concat(before), concat(after.bytes_in_use), format_bytes(after.peak_bytes),
                          is_same ? "same" : "LEAK"});
    part.data.push_back({{"work", work.name}, {"bytes_before", before}, {"bytes_after", after.bytes_in_use}});
    if (!is_same)
      part.fail(concat(work.name, ": ", before, " bytes were in use before it and ", after.bytes_in_use, " after"));
  }
  return part;
}

}  // namespace ockham::apps
