#pragma once
#include <utility>

#include "data/dataset.h"

namespace ockham::data {

/// A data set that passes everything on to another one; what is derived from it changes a part of that.
class View : public Dataset {
 public:
  [[nodiscard]] std::string digest() const override { return base_->digest(); }

 protected:
  /// @param change is given the other's description, to make the view's of it
  template <class Change>
  View(DatasetPtr base, const Change& change)
      : Dataset([&] {
          Description description = description_of(*base);
          change(description);
          return description;
        }()),
        base_(std::move(base)) {}

  [[nodiscard]] const Dataset& base() const { return *base_; }
  [[nodiscard]] int label_at(std::int64_t index) const override { return base_->label(index); }
  void read_at(std::int64_t index, std::span<std::uint8_t> pixels) const override { base_->read(index, pixels); }
  void read_box_at(std::int64_t index, const std::function<Box(const ImageShape&)>& choose, std::int64_t side,
                   std::span<std::uint8_t> pixels) const override {
    base_->read_box(index, choose, side, pixels);
  }

 private:
  DatasetPtr base_;
};

}  // namespace ockham::data
