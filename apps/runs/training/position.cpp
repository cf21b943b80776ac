#include "apps/runs/training/position.h"

namespace ockham::apps {
namespace {

/// Raised when positions change their form or their meaning.
constexpr std::int64_t kForm = 2;
constexpr const char* kScores = "run.scores";
constexpr std::int64_t kScoreCount = 7;

}  // namespace

Checkpoint Position::checkpoint(nlohmann::ordered_json network, std::map<std::string, Tensor> state) const {
  const nas::Score& sum = epoch_score;
  state.emplace(kScores,
                Tensor::from<double>({sum.loss, static_cast<double>(sum.top1), static_cast<double>(sum.top5),
                                      static_cast<double>(sum.count), train_loss, valid_accuracy, best_accuracy},
                                     {kScoreCount}));
  return {.network = std::move(network),
          .position = {{"form", kForm},
                       {"stretch", stretch},
                       {"epoch", epoch},
                       {"batch", batch},
                       {"step", step},
                       {"micro_batch", micro_batch}},
          .tensors = std::move(state)};
}

Position Position::of(const Checkpoint& checkpoint) {
  const nlohmann::ordered_json& counts = checkpoint.position;
  if (const std::int64_t form = count_of(counts, "form"); form != kForm)
    throw CheckpointError(concat("checkpoint: its position has form ", form, ", of another version; this one resumes ",
                                 "form ", kForm, " alone. Start again with --config and the run's config.ini."));
  const auto found = checkpoint.tensors.find(kScores);
  if (found == checkpoint.tensors.end() || found->second.spec() != Spec{{kScoreCount}, DType::kFloat64})
    throw CheckpointError(concat("checkpoint: it lacks ", kScores, " float64[", kScoreCount, "]; it is damaged."));
  const double* scores = found->second.data<double>();
  return {.stretch = static_cast<std::size_t>(count_of(counts, "stretch")),
          .epoch = count_of(counts, "epoch"),
          .batch = count_of(counts, "batch"),
          .step = count_of(counts, "step"),
          .micro_batch = count_of(counts, "micro_batch"),
          .epoch_score = {.loss = scores[0],
                          .top1 = static_cast<std::int64_t>(scores[1]),
                          .top5 = static_cast<std::int64_t>(scores[2]),
                          .count = static_cast<std::int64_t>(scores[3])},
          .train_loss = scores[4],
          .valid_accuracy = scores[5],
          .best_accuracy = scores[6]};
}

}  // namespace ockham::apps
