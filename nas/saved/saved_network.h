#pragma once
// Networks as JSON, which checkpoints carry beside the tensors, so that a file alone is enough to build its network
// again.
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "nas/models/model.h"
#include "nas/network/evaluation_network.h"
#include "nas/spaces/cells/supernet.h"
#include "nas/spaces/nasbench201/network.h"
#include "nas/spaces/proxyless/network.h"

namespace ockham::nas {

nlohmann::ordered_json to_json(const SupernetSpec& spec);
nlohmann::ordered_json to_json(const EvaluationSpec& spec, const Genotype& genotype);
nlohmann::ordered_json to_json(const ModelSpec& spec);
nlohmann::ordered_json to_json(const nasbench201::NetworkSpec& spec, const nasbench201::Cell& cell,
                               std::int64_t image_size);
nlohmann::ordered_json to_json(const proxyless::NetworkSpec& spec, const proxyless::Genotype& genotype);

/// Any kind of network.
struct SavedNetwork {
  std::unique_ptr<Supernet> supernet;  ///< one of the three is set
  std::unique_ptr<EvaluationNetwork> evaluation;
  std::unique_ptr<Classifier> model;  ///< or the network of a cell of NAS-Bench-201 or of trees
  FrameSpec frame;                    ///< of a model only its classes and images

  Variable logits(const Context& context, const Variable& images);
  Module& module();
};

/// Builds the network that `json` describes, in a precision and on a device of choice, from its parameters and buffers
/// by name.
/// @throws CheckpointError
SavedNetwork restore_network(const nlohmann::ordered_json& json, const std::map<std::string, Tensor>& tensors,
                             DType dtype, Device device = {});

/// Copies tensors into the parameters and buffers of their names.
/// @throws CheckpointError if one is missing or has another shape
void restore(const std::vector<Parameter*>& state, const std::map<std::string, Tensor>& tensors);

}  // namespace ockham::nas
