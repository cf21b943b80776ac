#pragma once
// What ockham-search can be told, and what follows from it for the space and the method: those of nas/catalog/.
#include "apps/cli/options/options.h"
#include "apps/search/comparison/comparison_settings.h"
#include "apps/search/search_images.h"
#include "nas/catalog/catalog_settings.h"

namespace ockham::apps {

struct SearchSettings {
  SearchImageSettings images;
  std::int64_t epochs = 1;
  std::int64_t channels = 36;
  std::int64_t cells = 8;
  /// Of the network that train builds; unset: as its preset of the same name does.
  std::optional<std::int64_t> trained_channels, trained_cells;
  std::optional<double> lr;  ///< unset: what the method was published with
  std::string method = "bayesnas";
  std::string space = "bayesnas";
  nas::CatalogSettings catalog;
  double final_lr = 1e-3;
  std::int64_t eigenvalue_size = 0;
  std::optional<double> logit_lambda;  ///< unset: no evidence of logits
  std::int64_t rank_cells = 0;
  std::string table;  ///< empty: none
  ComparisonSettings comparison;
  std::string preset = "quick";

  const RunSettings& run() const { return images.run; }
  const std::string& dataset() const { return images.data.images.dataset; }
  const nas::MethodSettings& of_method() const { return catalog.of(method, space); }
  /// What the method in the space asks of the run around it.
  nas::TrainingDefaults training() const { return nas::find_method(method).training(nas::find_space(space)); }
  double first_lr() const { return lr.value_or(training().lr); }
};
void describe(SearchSettings& settings, SettingVisitor& visitor);

/// Those and the presets.
void declare_search(OptionTable& table);

/// What settings alone can tell, before images are read. @throws UsageError for batches larger than --train-size, what
/// the method cannot honour, a --table of another space, or --rank-cells without one
void require_usable(const SearchSettings& settings);

/// With classes and images as in `data`. @throws UsageError for images whose maps the space cannot halve
std::unique_ptr<nas::SearchSpace> make_space(const SearchSettings& settings, const nas::FrameSpec& data);
/// @throws UsageError for a method that cannot search the space
std::unique_ptr<nas::SearchMethod> make_method(const SearchSettings& settings, const nas::SearchSpace& space,
                                               const nas::ImageSource& images);

/// The evaluation network that `train` builds for a genotype: as told, else that of its preset of the same name.
struct EvaluationSize {
  std::int64_t channels;
  std::int64_t cells;
};
EvaluationSize evaluation_size_of(const SearchSettings& settings);

}  // namespace ockham::apps
