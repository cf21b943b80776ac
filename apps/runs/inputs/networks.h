#pragma once
// Networks as the JSON that checkpoints carry, so that a file alone is enough to build its network again.
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/runs/folder/checkpoints.h"
#include "data/dataset.h"
#include "nas/network/evaluation_network.h"
#include "nas/spaces/cells/supernet.h"

namespace ockham::apps {

nlohmann::ordered_json to_json(const nas::SupernetSpec& spec);
nlohmann::ordered_json to_json(const nas::EvaluationSpec& spec, const nas::Genotype& genotype);

/// @throws CheckpointError for JSON that is not of that kind, naming the key
nas::SupernetSpec supernet_spec(const nlohmann::ordered_json& json);
nas::EvaluationSpec evaluation_spec(const nlohmann::ordered_json& json);
nas::Genotype genotype_of(const nlohmann::ordered_json& json);

/// Either kind of network, restored from a checkpoint in a precision of choice.
struct RestoredNetwork {
  std::unique_ptr<nas::Supernet> supernet;  ///< one of the two is set
  std::unique_ptr<nas::EvaluationNetwork> evaluation;
  nas::FrameSpec frame;

  Variable logits(const Context& context, const Variable& images);
  Module& module();
};
/// @throws CheckpointError
RestoredNetwork restore_network(const Checkpoint& checkpoint, DType dtype);

/// @throws UsageError if the images of a data set are not what the network was built for
void require_fit(const nas::FrameSpec& frame, const data::Dataset& dataset);

}  // namespace ockham::apps
