#pragma once
// Genotypes from the literature, bundled so that `--genotype NAME` finds them.
#include <string_view>
#include <vector>

#include "nas/genotype/genotype.h"

namespace ockham::nas {

struct Published {
  std::string_view name;
  std::string_view source;  ///< authors, year, where the text comes from
  std::string_view text;    ///< JSON or DARTS text
};

/// All bundled genotypes. The three bayesnas_* cells are as the released evaluation networks execute them (Zhou et al.
/// 2019, arXiv:1905.04919), for lambda = 0.01, 0.007 and 0.005.
const std::vector<Published>& published_genotypes();

/// Nothing where the name is unknown.
const Published* find_published(std::string_view name);

}  // namespace ockham::nas
