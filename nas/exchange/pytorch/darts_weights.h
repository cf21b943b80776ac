#pragma once
// Weights of the original DARTS networks (quark0/darts: Network of model_search.py, NetworkCIFAR and NetworkImageNet of
// model.py), as PyTorch's state_dict names them. Our networks have these names and layouts, so that what is left to do
// is to find out from the names and shapes which network it is.
#include <optional>

#include "nas/saved/saved_network.h"

namespace ockham::nas {

struct DartsWeights {
  nlohmann::ordered_json description;  ///< of the network, for a checkpoint
  SavedNetwork network;                ///< float32, with the weights
};

/// Stem, channels, cells, classes and auxiliary head are those of the tensors. A prefix "module." of all names is taken
/// off, and counters num_batches_tracked that old files lack are 0.
/// @param genotype  of an evaluation network, whose weights do not tell it; empty for a search network
/// @param image_size  0: 32, or 224 with the ImageNet stem
/// @throws UsageError if a genotype is missing or not wanted; CheckpointError naming the tensor that is missing, of
/// another shape or of no part of the network; for a search network without alphas_normal [edges, 8] and alphas_reduce,
/// which are no part of the original's state_dict
DartsWeights read_darts_weights(std::map<std::string, Tensor> tensors, const std::optional<Genotype>& genotype,
                                std::int64_t image_size = 0);

/// Parameters and buffers by name, logits of a search network too: what read_darts_weights() takes, and what PyTorch's
/// load_state_dict() does (strict = false where there are logits).
std::map<std::string, Tensor> network_weights(Module& module);

}  // namespace ockham::nas
