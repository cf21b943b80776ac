#pragma once
// The work of ockham-compress as a run of stretches: training, cycles that end with pruning, fine-tuning; then what is
// pruned is removed, and the small network tested and timed beside the dense one.
#include "apps/compress/compress_settings.h"
#include "apps/compress/small_network.h"
#include "apps/runs/training/network_training.h"
#include "nas/compression/cycles/bit_widths.h"

namespace ockham::apps {

/// The program ockham-compress.
App compress_app();

class CompressTraining : public NetworkTraining {
 public:
  CompressTraining(Session& session, const CompressSettings& settings);

  bool keeps_best() const override { return false; }
  /// Whether the rule's second derivatives can be had and the budget be met, told without training.
  /// @throws UsageError if not
  void require_possible() const;
  void begin(RunFolder& folder) override;
  void begin_stretch(std::size_t number) override;
  double learning_rate(const Place& place) const override;
  std::optional<Validation> end_stretch(std::size_t number, const nas::Pause& pause) override;
  std::map<std::string, Tensor> state() override;
  void load(const std::map<std::string, Tensor>& state) override;
  std::vector<Pass> passes() override;
  void publish(const RunResult& result) override;

 private:
  /// What the network has come to by a cycle's end; number 0 is before the first. In the order of their columns in
  /// checkpoints.
  struct Point {
    double params = 0.0, macs = 0.0;
    double loss = 0.0, accuracy = 0.0;  ///< on validation images, where there are any
    double milliseconds = 0.0;          ///< with --max-latency: of the pass that it limits, when that was decided
    double test_accuracy = 0.0;         ///< of number 0 alone
  };

  struct Sizes {
    std::int64_t params = 0, macs = 0;
    Latency latency;
  };

  /// Cycles are stretches 1 to --cycles.
  bool is_cycle(std::size_t stretch) const { return stretch > 0 && stretch + 1 < stretches().size(); }
  nas::BatchLoss record(Tape& tape, const nas::Batch& images, std::size_t part) const;
  nas::WeightDerivatives measure(std::int64_t draw) const;
  nas::WeightDerivatives measure_noise(std::int64_t images) const;
  /// On validation images, where there are any.
  std::optional<nas::Score> evaluated();
  /// @param cost  of what the budget limits
  Point point(const std::optional<nas::Score>& score, double cost) const;
  bool is_timed() const { return !compression_.max_latency.empty(); }
  std::int64_t timed_images() const { return compression_.latency_batch.value_or(1); }
  Shape image() const;
  /// A copy of the network without what masks prune.
  SmallNetwork small_network(const nas::Masks& masks) const;
  double milliseconds_without(const nas::Masks& masks) const;
  std::string line_of(const nas::CycleReport& report) const;
  std::vector<nas::BitWidth> widths() const;
  nas::Score test(SmallNetwork& small) const;
  Sizes sizes_of(const nas::Forward& forward, std::int64_t params, std::int64_t macs) const;
  nlohmann::ordered_json compression_json(const Sizes& dense, const Sizes& small, const std::vector<Parameter*>& left);
  std::string limited_line() const;
  void describe_next(const std::filesystem::path& file);
  void print(const Sizes& dense, const Sizes& small, const nas::Score& score, const std::filesystem::path& file,
             double seconds) const;

  const CompressSettings compression_;
  std::vector<Parameter*> parameters_;
  std::optional<nas::Compressor> compressor_;
  bool with_penalty_ = false;
  std::vector<Point> points_;
};

}  // namespace ockham::apps
