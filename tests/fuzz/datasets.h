#pragma once
// What targets that open data sets share.
#include "data/dataset.h"
#include "data/error.h"
#include "tests/fuzz/target.h"

namespace ockham::fuzz {

/// Opens and reads every image; a DataError is an answer, too.
template <class Open>
void read_all(Open open) {
  try {
    const data::DatasetPtr dataset = open();
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(dataset->shape().count()));
    for (std::int64_t i = 0; i < dataset->size(); ++i) {
      require(dataset->label(i) >= 0 && dataset->label(i) < dataset->classes(), "labels are classes");
      dataset->read(i, pixels);
    }
  } catch (const data::DataError&) {
  }
}

}  // namespace ockham::fuzz
