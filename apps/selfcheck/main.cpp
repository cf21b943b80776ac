// ockham-selfcheck: a device against the CPU: ops, training, second derivatives, leaks; and how long its steps take.
#include <algorithm>
#include <iostream>
#include <set>

#include "apps/cli/host.h"
#include "apps/cli/text/format.h"
#include "apps/cli/text/json_text.h"
#include "apps/cli/version.h"
#include "apps/runs/program.h"
#include "apps/runs/settings.h"
#include "apps/selfcheck/parts.h"
#include "engine/atomic_file.h"
#include "engine/backend.h"
#include "engine/parallel.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

struct PartEntry {
  std::string_view name;
  Part (*run)(const CheckInput&);
};
constexpr PartEntry kParts[] = {{"ops", check_ops},
                                {"parity", check_parity},
                                {"hessian", check_hessian},
                                {"leaks", check_leaks},
                                {"times", measure_times}};

struct SelfcheckSettings {
  PlaceSettings place{.device = "cuda"};
  std::string only;
  std::string ops;
  std::string cases = "darts-search-64,darts-search-16,bayesnas-search-18,darts-v2-32,hessian-reverse";
  bool quick = false;
  std::string oracle;
  std::string report;
};

std::string part_names() {
  std::string names;
  for (const PartEntry& entry : kParts)
    names += concat(names.empty() ? "" : ",", entry.name);
  return names;
}

void describe(SelfcheckSettings& s, SettingVisitor& v) {
  describe(s.place, v);
  v.group("What to check");
  v.text("only", s.only, concat("parts, with commas between [", part_names(), "]"), "NAMES");
  v.text("ops", s.ops, "ops of the part ops, with commas between [all]", "NAMES");
  v.text("cases", s.cases, "cases of ockham-bench that the part times runs, with commas between", "NAMES");
  v.flag("quick", s.quick, "fewer samples, steps and repeats, for a machine where everything is slow");
  v.text("oracle", s.oracle, "folder of reference values for the part hessian [a small network of its own]", "DIR");
  v.role(SettingRole::kPresentation);
  v.text("report", s.report, "also write the results that --json prints to this file", "FILE");
}

std::vector<std::string> names_of(const std::string& list) {
  return list.empty() ? std::vector<std::string>() : split_list(list);
}

/// @throws UsageError for a name that no part has
std::vector<PartEntry> wanted_parts(const std::string& only) {
  const std::vector<std::string> names = names_of(only);
  for (const std::string& name : names) {
    if (std::ranges::count(kParts, name, &PartEntry::name) == 0)
      throw UsageError(concat("--only ", name, ": there is no such part; choose from ", part_names(), "."));
  }
  std::vector<PartEntry> parts;
  for (const PartEntry& entry : kParts) {
    if (names.empty() || std::ranges::count(names, entry.name) > 0)
      parts.push_back(entry);
  }
  return parts;
}

/// What a later reader has to know of where the results come from.
Json place_of(Device device) {
  Json place{{"device", concat(device)},
             {"description", device.is_cpu() ? cpu_model() : backend_of(device).description(device.index)},
             {"versions", Json::object()},
             {"date", utc_text(unix_seconds())},
             {"version", version()},
             {"commit", commit()},
             {"cpu", cpu_model()},
             {"threads", thread_count()}};
  if (!device.is_cpu()) {
    for (const auto& [name, number] : backend_of(device).versions(device.index))
      place["versions"][name] = number;
  }
  return place;
}

void print_place(const Json& place) {
  std::cout << place["device"].get<std::string>() << ": " << place["description"].get<std::string>();
  for (const auto& [name, number] : place["versions"].items())
    std::cout << ", " << name << ' ' << number.get<std::string>();
  std::cout << "\nockham " << version() << ' ' << commit() << ", " << place["date"].get<std::string>() << "\n";
}

std::string_view word_of(Verdict verdict) {
  return verdict == Verdict::kPassed ? "passed" : verdict == Verdict::kFailed ? "FAILED" : "skipped";
}

void print_table(const std::vector<std::vector<std::string>>& table) {
  std::vector<std::size_t> widths(table.empty() ? 0 : table[0].size());
  for (const std::vector<std::string>& row : table) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  for (const std::vector<std::string>& row : table) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += padded(row[i], widths[i] + 2);
    line.erase(line.find_last_not_of(' ') + 1);
    std::cout << "  " << line << '\n';
  }
}

void print_part(const PartEntry& entry, const Part& part, double seconds) {
  std::cout << '\n' << entry.name << ": " << word_of(part.verdict);
  if (!part.remark.empty())
    std::cout << ", " << part.remark;
  std::cout << " (" << format_duration(seconds) << ")\n";
  print_table(part.table);
}

/// The part, or its failure where it ends with an exception.
Part run_part(const PartEntry& entry, const CheckInput& input) {
  try {
    return entry.run(input);
  } catch (const DeviceError&) {
    throw;
  } catch (const CheckpointError&) {  // the reference folder, not the device
    throw;
  } catch (const std::exception& e) {
    Part part;
    part.fail(e.what());
    return part;
  }
}

/// Rows for the README's table of what ran on hardware: of parts that were checked whole. An emulated device has no
/// driver and gets none.
void print_readme_rows(const Json& results, bool has_all_ops) {
  const Json& place = results["place"];
  if (!place["versions"].contains("driver") || results["quick"])
    return;
  std::cout << '\n';
  for (const Json& part : results["parts"]) {
    if (part["verdict"] == "passed" && (part["name"] != "ops" || has_all_ops))
      std::cout << "| " << part["name"].get<std::string>() << " | " << place["date"].get<std::string>().substr(0, 10)
                << " | " << place["description"].get<std::string>() << " | "
                << place["versions"]["driver"].get<std::string>() << " | " << commit() << " |\n";
  }
}

int run(Session& session, const SelfcheckSettings& settings) {
  const std::vector<PartEntry> parts = wanted_parts(settings.only);
  CheckInput input{.device = Device::parse(settings.place.device),
                   .is_quick = settings.quick,
                   .ops = names_of(settings.ops),
                   .cases = names_of(settings.cases),
                   .oracle = settings.oracle};
  require_ops(input.ops);
  require_cases(input.cases);

  Json results{{"place", place_of(input.device)}, {"quick", settings.quick}, {"parts", Json::array()}};
  print_place(results["place"]);
  bool passed = true;
  for (const PartEntry& entry : parts) {
    input.progress = [&](const std::string& what) { session.log().line(concat(entry.name, ": ", what)); };
    const double start = monotonic_seconds();
    const Part part = run_part(entry, input);
    const double seconds = monotonic_seconds() - start;
    print_part(entry, part, seconds);
    passed = passed && part.verdict != Verdict::kFailed;
    results["parts"].push_back({{"name", entry.name},
                                {"verdict", word_of(part.verdict)},
                                {"remark", part.remark},
                                {"seconds", seconds},
                                {"results", part.data}});
  }
  results["passed"] = passed;
  print_readme_rows(results, input.ops.empty());
  std::cout << '\n' << (passed ? "all that ran passed" : "NOT all that ran passed") << '\n';
  if (!settings.report.empty())
    write_file_atomically(settings.report, json_text(results, 1) + "\n");
  session.publish(results);
  return passed ? kDone : kFailed;
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(
      argc, argv,
      app_of("selfcheck",
             "Holds a device against the CPU: ops, training, second derivatives, leaks; and times its steps.", run));
}
