#pragma once
// Checkpoints of a run: the tensors of a network and of what trains it, and where the run stood. Equal runs write equal
// bytes, so nothing that depends on time, threads or folder may enter. What is saved is finite, and what is read is
// what was saved: the metadata hold a SHA-256 of all else in the file.
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/runs/program.h"
#include "autograd/parameter.h"
#include "engine/safetensors.h"

namespace ockham::apps {

/// What a checkpoint file holds.
struct Checkpoint {
  nlohmann::ordered_json network;         ///< how to build the network (nas/saved/saved_network.h)
  nlohmann::ordered_json position;        ///< where the run stood; the app's own
  std::map<std::string, Tensor> tensors;  ///< parameters and buffers under their names, and the method's own state
  std::filesystem::path file = {};        ///< where it was read
  bool has_digest = false;                ///< false: written by another program, so that damage cannot be noticed
};

/// Reads a checkpoint, of format 1 or without a digest too. @throws CheckpointError naming the file; for numbers that
/// are not those that were saved, both digests
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// Writes one that belongs to no run. @throws DivergedError if a number is not finite, Error for a full disk
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Runs `read`, which takes something out of the checkpoint, and names the file in what it throws.
void read_from(const Checkpoint& checkpoint, const std::function<void()>& read);

/// The name of a tensor with an infinite or undefined element.
std::optional<std::string> find_non_finite(const std::map<std::string, Tensor>& tensors);

/// A whole number of a position, 0 where it is missing. @throws CheckpointError for what no run counts to
std::int64_t count_of(const nlohmann::ordered_json& position, const char* name);

/// The checkpoints of one run folder.
class Checkpoints {
 public:
  explicit Checkpoints(RunFolder& folder) : folder_(folder) {}

  /// Writes checkpoints/NAME.safetensors, then reads it back and compares: a disk that lies is found now.
  /// @throws DivergedError if a number is not finite; the checkpoint on the disk is then as before
  void save(const std::string& name, const Checkpoint& checkpoint);
  /// The last one of a resumed run, with the metrics cut back to it; nothing in a new run, or where the run was stopped
  /// before its first checkpoint (then it starts over).
  /// @throws CheckpointError if it is damaged, of another format, or changed by another program
  std::optional<Checkpoint> resume();

 private:
  RunFolder& folder_;
  nlohmann::ordered_json length_ = nlohmann::ordered_json::object();  ///< of metrics.jsonl at the checkpoint on disk
};

/// Did the run that --resume names leave a checkpoint?
bool resumes_from_checkpoint(const std::string& resume);

/// For a resumed run that had finished: publishes its summary once more. @return false if there is none
bool repeat_results(Session& session);

}  // namespace ockham::apps
