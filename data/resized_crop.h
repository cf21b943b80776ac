#pragma once
// A random part of a picture, to be brought to one size: the usual augmentation of ImageNet. Szegedy et al. 2015
// (arXiv:1409.4842), section 6; bounds, rounding and order of the draws of torchvision's RandomResizedCrop.
#include "data/dataset.h"
#include "data/philox.h"

namespace ockham::data {

/// A box of 8 to 100 % of the picture's area and of sides in a ratio of 3/4 to 4/3, anywhere in it. Ten draws that do
/// not fit end in the largest central box of such a ratio.
[[nodiscard]] Box draw_box(const ImageShape& picture, Stream& random);

}  // namespace ockham::data
