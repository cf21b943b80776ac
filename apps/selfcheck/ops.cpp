#include <algorithm>
#include <cmath>
#include <map>

#include "apps/cli/text/format.h"
#include "apps/selfcheck/parts.h"
#include "autograd/gradcheck/device.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

struct NamedFormat {
  const char* name;
  CheckFormat format;
};
constexpr NamedFormat kFormats[] = {{"fp64", CheckFormat::kFloat64},
                                    {"fp32", CheckFormat::kFloat32},
                                    {"bf16", CheckFormat::kBFloat16},
                                    {"tf32", CheckFormat::kTf32}};

/// What a set of checks came to.
struct Tally {
  int checks = 0;
  int failed = 0;
  double worst = 0.0;  ///< error over tolerance; of checks to the bit 0 or infinity

  void add(const CheckResult& result) {
    ++checks;
    failed += result.passed() ? 0 : 1;
    const double share = result.error == 0.0 ? 0.0 : result.error / result.tolerance;
    if (!(share <= worst))  // NaN stays
      worst = share;
  }
};

std::string text_of(const Tally& tally) {
  return tally.checks == 0 ? "-" : format_fixed(tally.worst, 3);
}

/// An op's row of the table and its entry of the results.
class OpCheck {
 public:
  OpCheck(const OpCase& op_case, const CheckInput& input, Part& part) : case_(op_case), input_(input), part_(part) {}

  void run() {
    if (input_.device.is_cpu()) {
      collect("cpu", [&] { return check_case(case_); });
    } else {
      for (const NamedFormat& format : kFormats) {
        for (std::size_t i = 0; i < samples(); ++i)
          collect(format.name, [&] { return check_on_device(case_.samples[i], format.format, input_.device); });
      }
    }
    tell();
  }

 private:
  /// A quick check takes the first two samples of each op.
  std::size_t samples() const {
    return input_.is_quick ? std::min<std::size_t>(2, case_.samples.size()) : case_.samples.size();
  }

  template <class Check>
  void collect(const std::string& format, Check&& check) {
    try {
      for (const CheckResult& result : check()) {
        tallies_[format].add(result);
        if (!result.passed())
          note(concat(format, ", ", result.check, ": error ", result.error, " passes ", result.tolerance));
      }
    } catch (const std::exception& e) {
      ++tallies_[format].failed;
      note(concat(format, ": ", e.what()));
    }
  }

  void note(const std::string& failure) {
    failures_.push_back(failure);
    part_.fail(concat(case_.name, ", ", failure));
  }

  void tell() {
    const bool has_kernels = !input_.device.is_cpu() && runs_on_device(case_, input_.device);
    Json formats = Json::object();
    int checks = 0, failed = 0;
    for (const auto& [name, tally] : tallies_) {
      formats[name] = {{"checks", tally.checks}, {"failed", tally.failed}, {"worst_of_tolerance", tally.worst}};
      checks += tally.checks;
      failed += tally.failed;
    }
    part_.data.push_back(
        {{"op", case_.name}, {"own_kernels", has_kernels}, {"formats", formats}, {"failures", failures_}});
    std::vector<std::string> row{case_.name, has_kernels ? "own" : "host", concat(checks), concat(failed)};
    if (input_.device.is_cpu())
      row.push_back(text_of(tallies_["cpu"]));
    else
      for (const NamedFormat& format : kFormats)
        row.push_back(text_of(tallies_[format.name]));
    part_.table.push_back(row);
  }

  const OpCase& case_;
  const CheckInput& input_;
  Part& part_;
  std::map<std::string, Tally> tallies_;
  std::vector<std::string> failures_;
};

bool is_wanted(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::ranges::count(names, name) > 0;
}

std::string names_of(const std::vector<OpCase>& cases) {
  std::string names;
  for (const OpCase& op_case : cases)
    names += concat(names.empty() ? "" : ",", op_case.name);
  return names;
}

}  // namespace

Part check_ops(const CheckInput& input) {
  Part part;
  part.table = {{"op", "kernels", "checks", "failed"}};
  if (input.device.is_cpu())
    part.table[0].push_back("worst/tolerance");
  else
    for (const NamedFormat& format : kFormats)
      part.table[0].push_back(concat(format.name, " worst/tol."));
  for (const OpCase& op_case : OpRegistry::instance().cases()) {
    if (!is_wanted(input.ops, op_case.name))
      continue;
    input.progress(op_case.name);
    OpCheck(op_case, input, part).run();
  }
  return part;
}

void require_ops(const std::vector<std::string>& names) {
  const std::vector<OpCase> cases = OpRegistry::instance().cases();
  for (const std::string& name : names) {
    if (std::ranges::count(cases, name, &OpCase::name) == 0)
      throw UsageError(concat("--ops ", name, ": there is no such op; choose from ", names_of(cases), "."));
  }
}

}  // namespace ockham::apps
