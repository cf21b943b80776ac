#pragma once
// What the rest of the program sees of any data set: numbered images of one shape with a class each.
// The concrete ones are made by the open_... functions of cifar.h, mnist.h, folder.h and shapes.h; registry.h picks by
// name; subset.h cuts parts out of one; loader.h makes batches.
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ockham::data {

/// The parts that published data sets come in. Only folders may have kValid (folder.h); else a validation part is cut
/// from `kTrain` (subset.h).
enum class Split { kTrain, kValid, kTest };

/// What lies in the folder of a data set and is in no part of it.
struct LeftOut {
  std::vector<std::string> files;       ///< paths of files that are no pictures, by name or first bytes, or in no class
  std::vector<std::string> bad_images;  ///< one message each; only where such are to be skipped
  std::vector<std::string> folders;     ///< paths of folders beside train/ that are no part
};

/// Size of one image: bytes are stored as [channels, height, width].
struct ImageShape {
  std::int64_t channels = 0, height = 0, width = 0;
  [[nodiscard]] std::int64_t count() const { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

/// Mean and standard deviation of each channel of pixels / 255.
struct Normalisation {
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> std{1, 1, 1};
  bool operator==(const Normalisation&) const = default;
};

/// A part of a picture.
struct Box {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
};

/// Numbered labelled images. Immutable after construction: every method may be called from several threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  /// Name as on the command line ("cifar10").
  [[nodiscard]] const std::string& name() const { return description_.name; }
  /// Number of images, 1 to 2^31 - 1.
  [[nodiscard]] std::int64_t size() const { return description_.size; }
  [[nodiscard]] const ImageShape& shape() const { return description_.shape; }
  [[nodiscard]] int classes() const { return static_cast<int>(description_.class_names.size()); }
  /// Names in label order.
  [[nodiscard]] const std::vector<std::string>& class_names() const { return description_.class_names; }

  /// What its images are normalised by: what with_normalisation() said, else the constants of its name
  /// (normalisation.h). @throws std::invalid_argument for a name without any
  [[nodiscard]] Normalisation normalisation() const;

  /// Are images decoded whenever they are read? That takes milliseconds, copying them from memory microseconds.
  [[nodiscard]] bool is_decoded() const { return description_.is_decoded; }

  /// What was left out when it was opened: told with one part only, where it cannot be said to lie in one (the first).
  [[nodiscard]] const LeftOut& left_out() const { return description_.left_out; }

  /// Class of an image, in [0, classes()).
  /// @throws std::out_of_range for an index outside [0, size())
  [[nodiscard]] int label(std::int64_t index) const;

  /// Writes the image into `pixels` [channels, height, width], 0 to 255.
  /// @throws std::out_of_range for an index outside [0, size()), std::invalid_argument if `pixels` has another size,
  ///         DataError if the image must be read from a file that cannot be decoded
  void read(std::int64_t index, std::span<std::uint8_t> pixels) const;

  /// Writes a part of the image as it is stored, before it was brought to shape(), resized (image/resize.h) to a
  /// square of `side` pixels.
  /// @param choose is given the stored image's size and says which part, within it and not empty
  /// @param pixels [channels, side, side]
  /// @throws as read()
  void read_box(std::int64_t index, const std::function<Box(const ImageShape&)>& choose, std::int64_t side,
                std::span<std::uint8_t> pixels) const;

  /// SHA-256 that identifies the content, in hexadecimal: of all labels and pixels, or of the list of files with their
  /// sizes and the contents of up to 1000 for a folder, or of the parameters of a drawn set. Costs a pass over what it
  /// covers.
  [[nodiscard]] virtual std::string digest() const = 0;

 protected:
  struct Description {
    std::string name;
    std::vector<std::string> class_names;
    ImageShape shape;
    std::int64_t size = 0;
    LeftOut left_out = {};
    bool is_decoded = false;
    std::optional<Normalisation> normalisation = {};
  };
  /// @throws DataError if there is no image, no class, or more than 2^31 - 1 images
  explicit Dataset(Description description);
  /// What another data set says of itself, for views of it to change.
  [[nodiscard]] static Description description_of(const Dataset& other) { return other.description_; }

 private:
  [[nodiscard]] virtual int label_at(std::int64_t index) const = 0;
  virtual void read_at(std::int64_t index, std::span<std::uint8_t> pixels) const = 0;
  /// Of images that are stored as they are read.
  virtual void read_box_at(std::int64_t index, const std::function<Box(const ImageShape&)>& choose, std::int64_t side,
                           std::span<std::uint8_t> pixels) const;
  void check_index(std::int64_t index) const;

  Description description_;
};

using DatasetPtr = std::shared_ptr<const Dataset>;

/// A data set whose pixels lie in memory: what the readers of small binary formats return.
class MemoryDataset : public Dataset {
 public:
  /// @param pixels [labels.size(), channels, height, width]
  /// @param labels each below class_names.size() (checked by the reader, who can name the place in the file)
  MemoryDataset(std::string name, std::vector<std::string> class_names, ImageShape shape,
                std::vector<std::uint8_t> pixels, std::vector<std::uint8_t> labels);
  [[nodiscard]] std::string digest() const override;

 private:
  [[nodiscard]] int label_at(std::int64_t index) const override;
  void read_at(std::int64_t index, std::span<std::uint8_t> pixels) const override;

  std::vector<std::uint8_t> pixels_;
  std::vector<std::uint8_t> labels_;
};

/// How many images each class has, in label order.
[[nodiscard]] std::vector<std::int64_t> label_counts(const Dataset& dataset);

/// "0", "1", ... for data sets that come without names.
[[nodiscard]] std::vector<std::string> numbered_names(int count);

}  // namespace ockham::data
