// ockham-oracle-check: compares every array of a folder of reference values with what this engine computes.
#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/runs/program.h"
#include "apps/runs/settings.h"
#include "nas/oracle/oracle.h"

namespace ockham::apps {
namespace {

struct OracleSettings {
  std::string folder;
  DeviceSettings device{.precision = NumberFormat::kFp64};
};

void describe(OracleSettings& s, SettingVisitor& v) {
  v.group("What to do");
  v.text("folder", s.folder, "the unpacked folder, with manifest.json and its arrays", "DIR");
  v.word("folder");
  describe(s.device, v, {{"fp64", NumberFormat::kFp64}, {"fp32", NumberFormat::kFp32}});
}

void print(const nas::OracleReport& report) {
  std::size_t width = 0;
  for (const nas::OracleCheck& check : report.checks)
    width = std::max(width, check.group.size());
  std::cout << std::left << std::setw(static_cast<int>(width)) << "arrays"
            << "  number  worst error  tolerance\n";
  for (const nas::OracleCheck& check : report.checks)
    std::cout << std::left << std::setw(static_cast<int>(width)) << check.group << std::right << std::setw(8)
              << check.arrays << std::scientific << std::setprecision(2) << std::setw(13) << check.error
              << std::setprecision(0) << std::setw(11) << check.tolerance << (check.passed() ? "  pass" : "  FAIL: ")
              << (check.passed() ? "" : check.worst) << '\n';
  for (const std::string& name : report.unknown)
    std::cout << "not compared: " << name << '\n';
}

int run(Session& session, const OracleSettings& settings) {
  if (settings.folder.empty())
    throw UsageError("oracle-check: needs a folder of reference values, as in `ockham-oracle-check DIR`.");
  const nas::OracleFolder folder(settings.folder);
  const nas::OracleReport report = nas::check_oracle(
      folder, precision_of(settings.device).weights, [&](const std::string& what) { session.log().line(what); },
      Device::parse(settings.device.device));
  print(report);
  const bool passed = std::ranges::all_of(report.checks, &nas::OracleCheck::passed);
  std::cout << (passed ? "every array agrees" : "NOT every array agrees") << '\n';
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const nas::OracleCheck& check : report.checks)
    checks.push_back({{"group", check.group},
                      {"arrays", check.arrays},
                      {"error", check.error},
                      {"tolerance", check.tolerance},
                      {"worst", check.worst},
                      {"passed", check.passed()}});
  session.publish({{"folder", folder.path().string()},
                   {"precision", name_of(kNumberFormats, settings.device.precision)},
                   {"passed", passed},
                   {"checks", checks},
                   {"unknown", report.unknown}});
  return passed ? kDone : kFailed;
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(argc, argv,
                  app_of("oracle-check",
                         "Compares every array of a folder of reference values with what this engine computes.", run));
}
