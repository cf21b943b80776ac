// Any file, plain or gzipped, is refused as a table of NAS-Bench-201: none that is as short has all cells.
#include "nas/spaces/nasbench201/table.h"

#include "tests/fuzz/target.h"

using namespace ockham::nas::nasbench201;

OCKHAM_FUZZ_TARGET(table) {
  static const ockham::fuzz::Folder folder;
  try {
    Table::load(folder.write("table.csv", bytes).string());
    ockham::fuzz::require(bytes.size() >= 1000, "a table has all cells");
  } catch (const TableError&) {
  }
}
