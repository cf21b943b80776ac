#pragma once
// Which weights of a tensor go together, after Zhou, Yang, Wang, Pan 2019 (arXiv:1905.04919) and their later work
// (Zhou et al. 2022, arXiv:2107.12910). Weights are linear [out, in] or of convolutions [N, C/groups, M, K]: N filters
// over C channels (of one group of channels), kernels of M x K.
#include <span>
#include <string_view>
#include <vector>

#include "autograd/parameter.h"
#include "nas/compression/groups/group_family.h"

namespace ockham::nas {

enum class Pattern {
  kElement,       ///< "element": W[i], each weight by itself, of either kind
  kRow,           ///< "row": W[n,:], what enters an output neuron
  kColumn,        ///< "column": W[:,n], what leaves an input neuron
  kFilter,        ///< "filter": W[n,:,:,:], an output channel
  kChannel,       ///< "channel": W[:,c,:,:], an input channel
  kShape,         ///< "shape": W[:,c,m,k], a column of the matrix that a convolution is lowered to
  kKernel,        ///< "kernel": W[n,c,:,:]
  kKernelRow,     ///< "kernel-row": W[:,c,m,:]
  kKernelColumn,  ///< "kernel-column": W[:,c,:,k]
};

std::string_view name_of(Pattern pattern);
/// Of names joined by commas: "filter,row". @throws UsageError for other names, and for one given twice
std::vector<Pattern> parse_patterns(std::string_view names);

/// Does the pattern speak of tensors of this shape?
bool fits(Pattern pattern, const Shape& shape);
/// The groups of one tensor. @throws ShapeError naming it where the pattern does not fit
std::vector<GroupSeries> series_of(Pattern pattern, std::size_t parameter, const std::string& name, const Shape& shape);

/// The groups of all weights that the pattern fits; biases, norms and switches are in none.
/// @throws UsageError where it fits no weight
GroupFamily family_of(Pattern pattern, std::span<Parameter* const> parameters);

}  // namespace ockham::nas
