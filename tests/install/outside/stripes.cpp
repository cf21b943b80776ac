#include "stripes.h"

#include <random>

ockham::data::DatasetPtr draw_stripes(int count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;
  for (int i = 0; i < count; ++i) {
    labels.push_back(static_cast<std::uint8_t>(i % 3));
    const unsigned phase = random() % 6;
    for (unsigned y = 0; y < kStripes.height; ++y) {
      for (unsigned x = 0; x < kStripes.width; ++x) {
        const unsigned along = (i % 3 != 1 ? y : 0) + (i % 3 != 0 ? x : 0);
        pixels.push_back(static_cast<std::uint8_t>(((along + phase) % 6 < 3 ? 128 : 0) + random() % 128));
      }
    }
  }
  return std::make_shared<ockham::data::MemoryDataset>("stripes", std::vector<std::string>{"lie", "stand", "lean"},
                                                       kStripes, std::move(pixels), std::move(labels));
}
