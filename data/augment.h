#pragma once
// From stored bytes to what a network is fed: random crop after zero padding, horizontal flip, normalisation, cutout.
// The random part depends on (seed, epoch, image) alone, so threads, order and restarts cannot change it.
#include <array>
#include <cstdint>
#include <span>

#include "data/colour.h"
#include "data/normalisation.h"

namespace ockham::data {

/// What is done to an image. The default changes nothing but the scale: for evaluation.
struct Transform {
  Normalisation normalisation;
  std::int64_t pad = 0;  ///< black border added on each side, then a random window of the old size is cut (CIFAR: 4)
  bool flip = false;     ///< mirror left-right with probability 1/2
  /// Where it flips: a draw decides of each image whether even or odd epochs mirror it, so that two epochs in a row
  /// show both sides (Jordan 2024, arXiv:2404.00498, section 3.6).
  bool alternates = false;
  bool takes_box = false;  ///< the loader reads a random part of each picture (resized_crop.h)
  ColourJitter colour = {};
  /// Side of a square with its centre anywhere, clipped at the border and filled with 0 after normalisation
  /// (DeVries and Taylor 2017, arXiv:1708.04552; as in DARTS the side is 2 * (cutout / 2)). 0: none.
  std::int64_t cutout = 0;
};

/// Where the randomness of one image lies.
struct AugmentAddress {
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
  std::uint32_t image = 0;
};

/// out = cutout(normalise(flip(crop(pad(jitter(pixels)))))), at the random place that `address` gives. All draws are
/// made even when a step is off, so that switching one step leaves the others as they are.
/// @param pixels [channels, height, width], 1 to 3 channels
/// @param out    [channels, height, width]
/// @throws std::invalid_argument if a size does not match `shape`, pad or cutout is negative, or channels exceed 3
void augment(const Transform& transform, const ImageShape& shape, AugmentAddress address,
             std::span<const std::uint8_t> pixels, std::span<float> out);

}  // namespace ockham::data
