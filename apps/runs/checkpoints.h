#pragma once
// Checkpoints of a run: the tensors of a network and of what trains it, and where the run stood. Equal runs write equal
// bytes, so nothing that depends on time, threads or folder may enter.
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/runs/program.h"
#include "autograd/parameter.h"
#include "engine/safetensors.h"

namespace ockham::apps {

/// What a checkpoint file holds.
struct Checkpoint {
  nlohmann::ordered_json network;         ///< how to build the network (networks.h)
  nlohmann::ordered_json position;        ///< where the run stood; the app's own
  std::map<std::string, Tensor> tensors;  ///< parameters and buffers under their names, and the method's own state
};

/// The state of a module as named tensors, ready for `tensors`.
std::map<std::string, Tensor> tensors_of(const std::vector<Parameter*>& state);

/// Copies the tensors back. @throws CheckpointError if one is missing or has another shape or dtype
void restore(const std::vector<Parameter*>& state, const std::map<std::string, Tensor>& tensors);

/// Reads any checkpoint of ours. @throws CheckpointError
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// A whole number of a position, 0 where it is missing. @throws CheckpointError for what no run counts to
std::int64_t count_of(const nlohmann::ordered_json& position, const char* name);

/// The checkpoints of one run folder.
class Checkpoints {
 public:
  explicit Checkpoints(RunFolder& folder) : folder_(folder) {}

  /// Writes checkpoints/NAME.safetensors, then reads it back and compares: a disk that lies is found now.
  void save(const std::string& name, const Checkpoint& checkpoint);
  /// The last one of a resumed run, with the metrics cut back to it; nothing in a new run, or where the run was stopped
  /// before its first checkpoint (then it starts over).
  std::optional<Checkpoint> resume();

 private:
  RunFolder& folder_;
  nlohmann::ordered_json length_ = nlohmann::ordered_json::object();  ///< of metrics.jsonl at the checkpoint on disk
};

/// Does --resume name a run that left a checkpoint?
bool resumes_from_checkpoint(const Options& options);

/// For a resumed run that had finished: publishes its summary once more. @return false if there is none
bool repeat_results(Session& session);

}  // namespace ockham::apps
