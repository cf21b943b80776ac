#pragma once
// Which network is trained: that of a genotype, or a model of the literature.
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/cli/options/options.h"
#include "data/dataset.h"
#include "nas/models/model.h"
#include "nas/network/evaluation_network.h"
#include "nas/spaces/nasbench201/cell.h"
#include "nas/spaces/proxyless/tree.h"

namespace ockham::apps {

struct NetworkSettings {
  std::string genotype;  ///< one of the two is set
  std::string model;
  std::int64_t channels = 36;
  std::int64_t cells = 20;
  bool auxiliary = false;
  nas::Stem stem = nas::Stem::kCifar;
  nas::Reduction reduction = nas::Reduction::kStrided;
  nas::Shortcut shortcut = nas::Shortcut::kPadded;
  std::int64_t depth = 110;
  std::int64_t widening = 48;
  std::int64_t width = 64;
  nas::Activation activation = nas::Activation::kRelu;
  bool scales_norms = true;
  bool whitens = false;
};
void describe(NetworkSettings& settings, SettingVisitor& visitor);

/// What is trained, where it is no model: one of the three.
struct NamedCells {
  std::optional<nas::Genotype> genotype = {};
  std::optional<nas::nasbench201::Cell> nasbench201 = {};
  std::optional<nas::proxyless::Genotype> trees = {};
};
/// Empty where a model is trained. Costs nothing: ask before data are opened.
/// @throws UsageError if neither or both are named, or what is named is none
NamedCells cells_of(const NetworkSettings& settings);

/// The network of a genotype for images of so many classes and such a shape.
nas::EvaluationSpec evaluation_spec_of(const NetworkSettings& settings, const nas::Genotype& genotype,
                                       std::int64_t classes, const data::ImageShape& shape);

/// A network with its description for checkpoints (nas/saved/saved_network.h).
struct BuiltNetwork {
  std::unique_ptr<nas::Classifier> net;
  nlohmann::ordered_json description;
};
/// @param cells of the settings
/// @throws UsageError for sizes that do not fit each other or the images
BuiltNetwork build_network(const NetworkSettings& settings, const NamedCells& cells, std::int64_t classes,
                           const data::ImageShape& shape, Initial& initial);

/// A line for each option of the command line that the network takes no note of.
std::vector<std::string> unused_options(const Options& options, const NetworkSettings& settings);

}  // namespace ockham::apps
