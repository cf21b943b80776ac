#pragma once
// What a compression has come to, as compression.json, of which the run's page (runs/page/compression_section.h) makes
// tables and pictures.
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/compress/small_network.h"
#include "nas/compression/cycles/bit_widths.h"

namespace ockham::apps {

/// By parameter: the shapes that are left of it, weights that are not zero, and bits where `widths` tell.
/// @param small  the parameters of the small network, in the order of those of the masks
nlohmann::ordered_json layers_json(const nas::Masks& masks, const std::vector<Parameter*>& small,
                                   const std::vector<nas::BitWidth>& widths);

/// Of the first layer: of a convolution its filters that are left, over at most three channels; of a linear layer the
/// pixels that it still reads. Each has a caption and a PNG in base 64. Empty where the first layer is another.
nlohmann::ordered_json pictures_json(const nas::Masks& masks, const Shape& image);

}  // namespace ockham::apps
