#pragma once
// The texts in which tools exchange cells, by name. parse_genotype() reads all of them.
#include <vector>

#include "engine/settings.h"
#include "nas/genotype/genotype.h"

namespace ockham::nas {

/// kJson: ours. kDarts: quark0/darts. kPtDarts: khanrc/pt.darts, a list a node. kXAutoDl: D-X-Y/AutoDL-Projects,
/// tuples. kAwNas: walkerning/aw_nas. kNni: microsoft/nni.
enum class Dialect { kJson, kDarts, kPtDarts, kXAutoDl, kAwNas, kNni };
inline const std::vector<Named<Dialect>> kDialects{{"json", Dialect::kJson},        {"darts", Dialect::kDarts},
                                                   {"pt-darts", Dialect::kPtDarts}, {"xautodl", Dialect::kXAutoDl},
                                                   {"aw-nas", Dialect::kAwNas},     {"nni", Dialect::kNni}};

/// All but ours lose the space: read back they are of "darts".
/// @throws UsageError where the dialect cannot say it, with the reason
std::string to_text(const Genotype& genotype, Dialect dialect);

}  // namespace ockham::nas
