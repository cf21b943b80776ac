#include "autograd/hessian.h"

#include <algorithm>
#include <cmath>

#include "apps/selfcheck/parts.h"
#include "apps/selfcheck/small_training.h"
#include "engine/error.h"
#include "engine/math.h"
#include "nas/oracle/oracle.h"

namespace ockham::apps {
namespace {

void add_row(Part& part, const std::string& what, const std::string& precision, std::size_t count, double error,
             double tolerance) {
  const bool passed = error <= tolerance;
  part.table.push_back({what, precision, concat(count), concat(error), concat(tolerance), passed ? "pass" : "FAIL"});
  part.data.push_back({{"what", what},
                       {"precision", precision},
                       {"count", count},
                       {"error", error},
                       {"tolerance", tolerance},
                       {"passed", passed}});
  if (!passed)
    part.fail(concat(what, " in ", precision, ": error ", error, " passes ", tolerance));
}

void compare_folder(const CheckInput& input, Part& part) {
  const nas::OracleFolder folder(input.oracle);
  for (const auto& [name, dtype] : {std::pair("fp64", DType::kFloat64), std::pair("fp32", DType::kFloat32)}) {
    if (input.is_quick && dtype == DType::kFloat32)
      continue;
    const nas::OracleReport report = nas::check_oracle(folder, dtype, input.progress, input.device);
    for (const nas::OracleCheck& check : report.checks)
      add_row(part, check.group, name, check.arrays, check.error, check.tolerance);
  }
}

HessianResult diagonal_of(DType dtype, Device device, HessianAlgorithm algorithm, std::size_t count) {
  SmallSwitches net(dtype, device);
  const bool is_reverse = algorithm == HessianAlgorithm::kReverse;
  Tape tape;
  const Variable loss = net.loss(tape, is_reverse ? BatchNormMode::kRunning : BatchNormMode::kBatch);
  return hessian_diagonal(loss, std::span(net.switches).first(std::min(count, net.switches.size())),
                          {.algorithm = algorithm});
}

/// Largest difference over the largest entry; NaN stays.
double distance(const HessianResult& a, const HessianResult& b) {
  double difference = 0.0, largest = 0.0;
  const auto raise = [](double& worst, double value) { worst = value <= worst ? worst : value; };
  for (std::size_t i = 0; i < a.diagonal.size(); ++i) {
    Tensor error = a.diagonal[i].to(Device{}).clone();
    const Tensor expected = b.diagonal[i].to(Device{});
    axpy(-1.0, expected, error);
    raise(difference, max_abs(error));
    raise(largest, max_abs(expected));
  }
  return difference / largest;
}

void compare_small_net(const CheckInput& input, Part& part) {
  struct Case {
    const char* what;
    HessianAlgorithm algorithm;
    std::size_t parameters;
  };
  constexpr std::size_t kAll = 1000;
  const Case cases[] = {{"all switches, running statistics, by R", HessianAlgorithm::kReverse, kAll},
                        {"switches of two edges, batch statistics, by F", HessianAlgorithm::kForward, 4}};
  for (const Case& one : cases) {
    for (const auto& [name, dtype, tolerance] :
         {std::tuple("fp64", DType::kFloat64, 1e-10), std::tuple("fp32", DType::kFloat32, 1e-3)}) {
      input.progress(concat(one.what, ", ", name));
      const HessianResult here = diagonal_of(dtype, {}, one.algorithm, one.parameters);
      const HessianResult there = diagonal_of(dtype, input.device, one.algorithm, one.parameters);
      std::size_t entries = 0;
      for (const Tensor& diagonal : here.diagonal)
        entries += static_cast<std::size_t>(diagonal.numel());
      add_row(part, one.what, name, entries, distance(there, here), tolerance);
    }
  }
}

}  // namespace

Part check_hessian(const CheckInput& input) {
  Part part;
  part.table = {{"what", "precision", "number", "error", "tolerance", ""}};
  if (!input.oracle.empty())
    compare_folder(input, part);
  else if (input.device.is_cpu())
    part.skip("the CPU needs reference values: --oracle DIR");
  else
    compare_small_net(input, part);
  return part;
}

}  // namespace ockham::apps
