// Any text in any dialect is a genotype that keeps the rules or a UsageError, and every dialect that can say it says it
// back.
#include "nas/genotype/genotype.h"

#include "engine/error.h"
#include "nas/genotype/dialects.h"
#include "tests/fuzz/target.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

/// The same but for the order of the edges into a node, which some dialects do not keep, and the space.
bool is_same_network(const Genotype& a, const Genotype& b) {
  const auto is_same_cell = [](const CellGenotype& x, const CellGenotype& y) {
    return x.nodes == y.nodes && x.concat == y.concat && count_ops(x) == count_ops(y);
  };
  return is_same_cell(a.normal, b.normal) && is_same_cell(a.reduce, b.reduce);
}

std::string said(const Genotype& genotype, Dialect dialect) {
  try {
    return to_text(genotype, dialect);
  } catch (const UsageError&) {
    return "";
  }
}

}  // namespace

OCKHAM_FUZZ_TARGET(genotype) {
  Genotype genotype;
  try {
    genotype = parse_genotype(fuzz::text_of(bytes));
  } catch (const UsageError&) {
    return;
  }
  check(genotype);
  fuzz::require(parse_genotype_json(to_json(genotype)) == genotype, "JSON says all of it");
  for (const auto& [name, dialect] : kDialects) {
    const std::string text = said(genotype, dialect);
    fuzz::require(text.empty() || is_same_network(parse_genotype(text), genotype), "what a dialect says is the cell");
  }
}
