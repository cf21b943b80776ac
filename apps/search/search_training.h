#pragma once
// A search by a method of the catalogue, whose phases are the stretches of a training run.
#include "apps/runs/training/training_run.h"
#include "apps/search/search_settings.h"
#include "nas/diagnosis/collapse_watch.h"
#include "nas/spaces/cells/supernet.h"
#include "nas/spaces/nasbench201/table.h"

namespace ockham::apps {

int run_search(Session& session, const SearchSettings& settings);
/// Makes what the run would be made of. @throws what keeps it from its first step
void check_search(Session& session, const SearchSettings& settings);

class SearchTraining : public Trainee {
 public:
  SearchTraining(Session& session, const SearchSettings& settings);

  const data::Splits& data() const override { return images_.splits(); }
  std::int64_t batch_size() const override { return images_.settings().batch_size; }
  const std::vector<Stretch>& stretches() const override { return stretches_; }

  void begin(RunFolder& folder) override;
  double learning_rate(const Place& place) const override;
  nas::Score step(const nas::Batch& batch, const nas::Batch& companion, const Place& place, double lr) override;
  std::optional<Validation> validate() override;
  std::optional<Validation> end_stretch(std::size_t number, const nas::Pause& pause) override;
  bool ends_early() const override { return method_->ends_early(); }
  /// Where others can build the network again: what they see is what was left of it in the end.
  bool keeps_results() const override { return supernet() != nullptr; }
  void publish(const RunResult& result) override;

  nlohmann::ordered_json network() const override;
  std::map<std::string, Tensor> state() override;
  void load(const std::map<std::string, Tensor>& state) override;

  void set_micro_batch(std::int64_t images) override;
  std::vector<Pass> passes() override;
  std::string size_lines() override;
  std::int64_t step_macs() override;

 private:
  /// The network of a checkpoint, where nas/saved/ can describe it; else null.
  const nas::Supernet* supernet() const;
  /// The images, and the table if there is one. Refers to this.
  nas::ImageSource source();
  void warn_of_collapse(const std::string& cell);
  nas::Score score_held_out();
  /// What the search network, as it is, says of the images held out: for the page.
  void publish_predictions();
  nlohmann::ordered_json rank_correlation();
  nas::Batch noise(std::int64_t images) const;

  Session& session_;
  const SearchSettings& settings_;
  std::optional<nas::nasbench201::Table> table_;
  SearchImages images_;
  std::unique_ptr<nas::SearchSpace> space_;
  std::unique_ptr<nas::SearchMethod> method_;
  nas::CollapseWatch watch_;
  std::vector<Stretch> stretches_;
};

}  // namespace ockham::apps
