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
    double params = 0.0, macs = 0.0, loss = 0.0, accuracy = 0.0;
  };

  struct Sizes {
    std::int64_t params = 0, macs = 0;
    Latency latency;
  };

  /// Cycles are stretches 1 to --cycles.
  bool is_cycle(std::size_t stretch) const { return stretch > 0 && stretch + 1 < stretches().size(); }
  nas::BatchLoss record(Tape& tape, const nas::Batch& images, std::size_t part) const;
  nas::WeightDerivatives measure(std::int64_t draw) const;
  void measure_noise(std::int64_t images) const;
  /// On validation images, where there are any.
  std::optional<nas::Score> evaluated();
  Point point(const std::optional<nas::Score>& score) const;
  std::string line_of(const nas::CycleReport& report) const;
  std::vector<nas::BitWidth> widths() const;
  Sizes sizes_of(const nas::Forward& forward, std::int64_t params, std::int64_t macs) const;
  nlohmann::ordered_json compression_json(const Sizes& dense, const Sizes& small, const std::vector<Parameter*>& left);
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
