#pragma once
// Tests that expect reports.
#include <string>
#include <vector>

#include "tests/cudaemu/emu.h"
#include "tests/support.h"

namespace ockham::emutest {

/// While it lives, reports are kept in place of ending the program, and printed no more than a few times.
class KeptReports {
 public:
  KeptReports() {
    emu::take_reports();
    emu::options().fatal = false;
  }
  ~KeptReports() {
    emu::take_reports();
    emu::options().fatal = true;
  }
  KeptReports(const KeptReports&) = delete;
  KeptReports& operator=(const KeptReports&) = delete;

  /// Was there a report of this kind with this in its message? "" as kind: was there none at all?
  bool are(const std::string& kind, const std::string& part = "") {
    const std::vector<emu::Report> reports = emu::take_reports();
    bool found = kind.empty() && reports.empty();
    for (const emu::Report& report : reports) {
      BOOST_TEST_MESSAGE(report.kind << ": " << report.message << " [" << report.place << "]");
      found = found || (report.kind == kind && report.message.find(part) != std::string::npos);
    }
    return found;
  }
};

}  // namespace ockham::emutest
