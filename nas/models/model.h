#pragma once
// Networks of the literature by name, each in a file of its own. Their parameters have the names of the PyTorch code
// that the file cites.
#include <memory>
#include <string_view>
#include <vector>

#include "nas/network/classifier.h"
#include "nas/network/frame.h"

namespace ockham::nas {

enum class Activation { kRelu, kGelu };

/// How a residual block's shortcut gets to more channels. kPadded: zeros for those that are missing, no parameters (He
/// et al. 2016, option A). kProjected: 1x1 convolution and batch norm (option B).
enum class Shortcut { kPadded, kProjected };

struct ModelSpec {
  std::string name;
  std::int64_t classes = 10;
  std::int64_t image_channels = 3;
  std::int64_t image_size = 32;
  Stem stem = Stem::kCifar;                   ///< resnet18
  Shortcut shortcut = Shortcut::kPadded;      ///< resnet20, resnet56
  std::int64_t depth = 110;                   ///< pyramidnet: layers with weights, 6 n + 2
  std::int64_t widening = 48;                 ///< pyramidnet: channels that the last block has more than the first
  std::int64_t width = 64;                    ///< speed: channels of its first group
  Activation activation = Activation::kRelu;  ///< speed
  bool scales_norms = true;                   ///< speed: its norms learn a scale beside their shift
  bool whitens = false;  ///< speed: its first layer whitens and is not trained (layers/whitening.h)
};

struct ModelEntry {
  std::string_view name;
  std::string_view source;                ///< authors, year, where it comes from
  std::vector<std::string_view> options;  ///< fields of ModelSpec that it takes note of, as options are named
  std::unique_ptr<Classifier> (*make)(const ModelSpec& spec, Initial& initial);
};

/// All models: the lines of models.def.
const std::vector<ModelEntry>& models();
/// @throws UsageError naming those that there are
const ModelEntry& find_model(std::string_view name);

/// @throws UsageError for an unknown name, sizes that are not positive, or images that are too small
std::unique_ptr<Classifier> make_model(const ModelSpec& spec, Initial& initial);

}  // namespace ockham::nas
