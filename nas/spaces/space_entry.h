#pragma once
// A space as programs offer it by name: what it is, its settings, and how it is made of them. nas/catalog/ lists all.
#include <memory>
#include <string>

#include "engine/settings.h"
#include "nas/spaces/space.h"

namespace ockham::nas {

/// What a space's networks are to fit.
struct SpaceSize {
  std::int64_t channels = 16;  ///< of the search network's first stage
  std::int64_t cells = 8;      ///< of the search network, or of each of its stages
  std::int64_t classes = 10;
  std::int64_t image_channels = 3;
  std::int64_t image_size = 32;
  /// Of the network that is trained in the end, where the space leaves them open.
  std::int64_t trained_channels = 36, trained_cells = 20;
};

/// How weights learn unless the user says otherwise.
struct TrainingDefaults {
  double lr = 0.025;
  double weight_decay = 3e-4;
  bool lr_falls = true;  ///< along a cosine over all steps; else it stays, whatever the user says
};

/// What can be chosen about a space.
class SpaceSettings {
 public:
  virtual ~SpaceSettings() = default;
  virtual void describe(SettingVisitor& /*visitor*/) {}
  /// @throws UsageError for a size that the space's networks cannot have
  virtual std::unique_ptr<SearchSpace> make(const SpaceSize& size) const = 0;
};

struct SpaceEntry {
  std::string name;
  std::string summary;
  std::unique_ptr<SpaceSettings> (*settings)();
  TrainingDefaults training = {};
  /// Is a choice's number of options free where switches are pruned, as in BayesNAS's own space? Else it takes one.
  bool keeps_any_number = false;
  /// Where switches are pruned, is an operation's variance gated by those before it, behind their own gates, unless the
  /// user says otherwise? Else by its edge's own switch.
  bool is_gated_by_paths = false;
  bool has_genotypes =
      false;  ///< are its cells texts that load_genotype() reads, so that networks of them can be trained?
};

/// The usual `settings`: those of a type of one's own.
template <class Settings>
std::unique_ptr<SpaceSettings> default_settings() {
  return std::make_unique<Settings>();
}

}  // namespace ockham::nas
