#pragma once
// The published table of NAS-Bench-201 from the shared folder.
#include "nas/spaces/nasbench201/table.h"
#include "tests/support.h"

namespace ockham::test {

/// Null, and the test skipped, where it is not at hand.
inline const nas::nasbench201::Table* published_table() {
  const std::filesystem::path path = shared_folder() / "data/nasbench201/nasbench201.csv.gz";
  if (shared_folder().empty() || !std::filesystem::exists(path)) {
    skip("no data/nasbench201/nasbench201.csv.gz in the shared folder");
    return nullptr;
  }
  static const nas::nasbench201::Table table = nas::nasbench201::Table::load(path.string());
  return &table;
}

}  // namespace ockham::test
