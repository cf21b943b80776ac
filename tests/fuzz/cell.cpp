// Any text is a cell of NAS-Bench-201 or NAS-Bench-1Shot1, or a UsageError; both are written back.
#include "nas/spaces/nasbench1shot1/cell.h"

#include "engine/error.h"
#include "nas/spaces/nasbench201/cell.h"
#include "tests/fuzz/target.h"

using namespace ockham;

OCKHAM_FUZZ_TARGET(cell) {
  try {
    const nas::nasbench201::Cell cell = nas::nasbench201::parse_cell(fuzz::text_of(bytes));
    fuzz::require(nas::nasbench201::parse_cell(to_string(cell)) == cell, "the string says the cell");
    fuzz::require(nas::nasbench201::parse_cell(code(cell)) == cell, "the digits say the cell");
    fuzz::require(nas::nasbench201::cell_of(number_of(cell)) == cell, "the number says the cell");
  } catch (const UsageError&) {
  }
  try {
    const nas::nasbench1shot1::Cell cell = nas::nasbench1shot1::parse_cell(fuzz::text_of(bytes));
    fuzz::require(nas::nasbench1shot1::parse_cell(to_string(cell)) == cell, "the string says the cell");
  } catch (const UsageError&) {
  }
}
