#include "apps/runs/profile_report.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace ockham::apps {
namespace {

using Cells = std::array<std::string, 9>;

/// printf's formats, for columns of fixed digits.
std::string text(const char* format, double value) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, value);
  return buffer.data();
}

/// A rate per second in units of 1e9, or a dash where nothing was counted.
std::string giga(double amount, double seconds) {
  return amount > 0.0 && seconds > 0.0 ? text("%.1f", amount / seconds * 1e-9) : "-";
}

Cells cells_of(const Profile::Row& row, double total) {
  return {text("%.1f", 100.0 * row.seconds / total),
          text("%.4f", row.seconds),
          std::to_string(row.calls),
          giga(row.call.flops, row.seconds),
          giga(row.call.bytes, row.seconds),
          row.call.pass,
          row.call.op,
          row.call.detail,
          row.call.kernel};
}

/// The row without calls for what is outside all rows, or for their sum.
Cells summary_of(const char* name, double seconds, double total) {
  return {text("%.1f", 100.0 * seconds / total), text("%.4f", seconds), "", "", "", name, "", "", ""};
}

std::string aligned(const std::vector<Cells>& lines) {
  constexpr std::size_t kNumbers = 5;  // the columns before are numbers, to the right
  std::array<std::size_t, std::tuple_size_v<Cells>> width{};
  for (const Cells& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c)
      width[c] = std::max(width[c], line[c].size());
  }
  std::string table;
  for (const Cells& line : lines) {
    std::string row;
    for (std::size_t c = 0; c < line.size(); ++c) {
      const std::string gap(width[c] - line[c].size(), ' ');
      row += (c == 0 ? "" : "  ") + (c < kNumbers ? gap + line[c] : line[c] + gap);
    }
    table += (table.empty() ? "" : "\n") + row.substr(0, row.find_last_not_of(' ') + 1);
  }
  return table;
}

}  // namespace

std::string profile_table(const Profile& profile, std::size_t shown) {
  const std::vector<Profile::Row> rows = profile.rows();
  const double total = profile.seconds();
  std::vector<Cells> lines{{"%", "seconds", "calls", "GFLOP/s", "GB/s", "pass", "op", "detail", "kernel"}};
  double rest = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i < shown)
      lines.push_back(cells_of(rows[i], total));
    else
      rest += rows[i].seconds;
  }
  if (rows.size() > shown)
    lines.push_back(summary_of("other ops", rest, total));
  lines.push_back(summary_of("outside ops", profile.seconds_outside(), total));
  lines.push_back(summary_of("total", total, total));
  return aligned(lines);
}

nlohmann::ordered_json profile_json(const Profile& profile) {
  auto rows = nlohmann::ordered_json::array();
  for (const Profile::Row& row : profile.rows())
    rows.push_back({{"pass", row.call.pass},
                    {"op", row.call.op},
                    {"detail", row.call.detail},
                    {"kernel", row.call.kernel},
                    {"calls", row.calls},
                    {"seconds", row.seconds},
                    {"bytes", row.call.bytes},
                    {"gflop", row.call.flops * 1e-9}});
  return {{"seconds", profile.seconds()}, {"seconds_outside_ops", profile.seconds_outside()}, {"rows", rows}};
}

int run_profiled(Session& session, bool is_wanted, const std::function<int()>& work) {
  if (!is_wanted)
    return work();
  Profile profile;
  const int exit_code = work();
  profile.stop();
  session.log().line(profile_table(profile));
  return exit_code;
}

}  // namespace ockham::apps
