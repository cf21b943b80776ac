#pragma once
// A search method as programs offer it by name: what it is, its settings, and how it is made of them. nas/catalog/
// lists all.
#include "nas/methods/method.h"
#include "nas/spaces/space_entry.h"

namespace ockham::nas {

/// What a search is told whatever its method.
struct SearchBasics {
  std::uint64_t seed = 0;
  DType dtype = DType::kFloat32;       ///< of the weights
  Device device = {};                  ///< of networks, where the method does not say otherwise
  double lr = 0.025;                   ///< of the weights at the start
  double default_weight_decay = 3e-4;  ///< where WeightSettings leave it open
  std::size_t memory_limit = 0;        ///< bytes of tensors; 0: none
};

/// What can be chosen about a method.
class MethodSettings {
 public:
  virtual ~MethodSettings() = default;
  /// Names what the method takes note of, and nothing else.
  virtual void describe(SettingVisitor& visitor) = 0;
  /// @throws UsageError for what can be told before there is a space to search
  virtual void require_usable() const {}
  /// @param space outlives the method @throws UsageError for what cannot be honoured
  virtual std::unique_ptr<SearchMethod> make(const SearchSpace& space, const SearchBasics& basics,
                                             const ImageSource& images) const = 0;
};

/// The images that score a search and that no step learns from; where samples are from.
enum class HeldOutImages {
  kOfArchitecture,  ///< some of the architecture's part, after every epoch; samples are of these
  kValidation,      ///< the validation images, where the method asks for them; samples are of the training images
};

struct MethodEntry {
  std::string name;
  std::string summary;
  /// Those of the method in a space.
  std::unique_ptr<MethodSettings> (*settings)(const SpaceEntry& space);
  std::int64_t batches = 2;                                                    ///< of images that a step learns from
  std::string sees = "a batch for the weights, another for the architecture";  ///< the same for people
  bool has_logits = false;                                                     ///< does relaxed() tell a network?
  bool has_switches = false;                                                   ///< does switched()?
  TrainingDefaults (*training)(const SpaceEntry& space) = [](const SpaceEntry& space) { return space.training; };
  HeldOutImages (*held_out)(const SpaceEntry& space) = [](const SpaceEntry&) { return HeldOutImages::kOfArchitecture; };
};

/// The usual `settings`: those of a type of one's own, the same in every space.
template <class Settings>
std::unique_ptr<MethodSettings> default_settings(const SpaceEntry& /*space*/) {
  return std::make_unique<Settings>();
}

}  // namespace ockham::nas
