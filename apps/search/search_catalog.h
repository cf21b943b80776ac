#pragma once
// From options to the space and the method of a search: what nas/catalog/ lists, by name.
#include "apps/cli/options/options.h"
#include "nas/catalog/catalog.h"
#include "nas/network/frame.h"

namespace ockham::apps {

std::vector<std::string> method_names();
std::vector<std::string> space_names();

/// --method, --space, and the settings of all methods and spaces.
void declare_catalog(OptionTable& table);

/// As the options tell: channels and cells, classes and images as in `data`.
/// @throws UsageError for images whose maps the space cannot halve
std::unique_ptr<nas::SearchSpace> make_space(const Options& options, const nas::FrameSpec& data);
/// @throws UsageError for a method that cannot search the space
std::unique_ptr<nas::SearchMethod> make_method(const Options& options, const nas::SearchSpace& space,
                                               const nas::ImageSource& images);

/// What options alone can tell, before images are read. @throws UsageError for batches larger than --train-size, what
/// the method cannot honour, a --table of another space, or --rank-cells without one
void require_usable(const Options& options);

/// What --method in --space asks of the run around it.
nas::TrainingDefaults training_of(const Options& options);
nas::HeldOutImages held_out_images_of(const Options& options);
/// --lr, or what the method was published with.
double search_lr_of(const Options& options);

/// The evaluation network that `train` builds for a genotype under a preset of the same name.
struct EvaluationSize {
  std::int64_t channels;
  std::int64_t cells;
};
EvaluationSize evaluation_size_of(const std::string& preset);

}  // namespace ockham::apps
