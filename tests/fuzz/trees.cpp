// Any text is the trees of a network or a UsageError, and what is read is written back the same.
#include "engine/error.h"
#include "nas/spaces/proxyless/tree.h"
#include "tests/fuzz/target.h"

using namespace ockham;
using namespace ockham::nas::proxyless;

OCKHAM_FUZZ_TARGET(trees) {
  Genotype genotype;
  try {
    genotype = parse_genotype(fuzz::text_of(bytes));
  } catch (const UsageError&) {
    return;
  }
  fuzz::require(parse_genotype(to_json(genotype)) == genotype, "JSON says all of it");
  for (const Tree& tree : genotype.groups.front()) {
    const Parts parts = parts_of(tree);
    fuzz::require(kept_of(tree, std::vector<bool>(parts.edges.size(), true)) == tree, "a tree has no loose ends");
  }
}
