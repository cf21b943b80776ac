#pragma once
#include "data/dataset.h"

inline constexpr ockham::data::ImageShape kStripes{.channels = 1, .height = 12, .width = 12};

/// Noisy gray stripes that lie, stand or lean, with any phase.
ockham::data::DatasetPtr draw_stripes(int count, unsigned seed);
