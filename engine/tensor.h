#pragma once
// Tensor: a small value handle on a block of memory. Copying a handle shares the block; clone() copies it.
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "engine/device.h"
#include "engine/dtype.h"
#include "engine/shape.h"

namespace ockham {

/// What an op needs to know of a tensor before it exists.
struct Spec {
  Shape shape;
  DType dtype = DType::kFloat32;
  friend bool operator==(const Spec&, const Spec&) = default;
};
std::ostream& operator<<(std::ostream& out, const Spec& spec);

class Storage;

class Tensor {
 public:
  /// Undefined: no storage. Passes read it as "zero" (tangents) or "not wanted" (cotangents).
  Tensor() = default;
  /// Uninitialised row-major memory. @throws DeviceError if the device is not available
  explicit Tensor(const Shape& shape, DType dtype = DType::kFloat32, Device device = {});
  explicit Tensor(const Spec& spec, Device device = {}) : Tensor(spec.shape, spec.dtype, device) {}

  static Tensor zeros(const Shape& shape, DType dtype = DType::kFloat32, Device device = {});
  static Tensor full(const Shape& shape, double value, DType dtype = DType::kFloat32, Device device = {});
  static Tensor scalar(double value, DType dtype = DType::kFloat32) { return full({}, value, dtype); }
  /// Copies host values. @throws ShapeError if their number is not shape.numel()
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape);
  template <class T>
  static Tensor from(std::initializer_list<T> values, const Shape& shape) {
    return from(std::span<const T>(values.begin(), values.size()), shape);
  }
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }

  bool is_defined() const { return storage_ != nullptr; }
  explicit operator bool() const { return is_defined(); }
  const Shape& shape() const { return shape_; }
  std::int64_t size(int dim) const { return shape_[dim]; }
  int rank() const { return shape_.rank(); }
  std::int64_t numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  Spec spec() const { return {shape_, dtype_}; }
  Device device() const;
  std::size_t nbytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype_); }
  std::int64_t stride(int dim) const { return strides_[static_cast<std::size_t>(dim)]; }
  bool is_contiguous() const;
  /// True when no other handle shares the storage.
  bool is_sole_owner() const { return storage_.use_count() == 1; }
  bool shares_storage_with(const Tensor& other) const { return storage_ && storage_ == other.storage_; }

  /// The elements, for the host. @throws DTypeError if T is not the dtype, DeviceError if they are not in the host's
  /// memory, Error if the tensor is undefined
  template <class T>
  T* data();
  template <class T>
  const T* data() const;
  /// The elements wherever they are, for kernels and copies of that device. @throws as data(), but for the device
  template <class T>
  T* device_data();
  template <class T>
  const T* device_data() const;
  /// The same without a type.
  std::byte* device_bytes();
  const std::byte* device_bytes() const;
  /// The elements of a contiguous tensor as a span.
  template <class T>
  std::span<T> span() {
    require_contiguous("span");
    return {data<T>(), static_cast<std::size_t>(numel())};
  }
  template <class T>
  std::span<const T> span() const {
    require_contiguous("span");
    return {data<T>(), static_cast<std::size_t>(numel())};
  }
  /// The one element of a tensor with numel() == 1, as double, from any device.
  double item() const;

  // Views share storage; they never copy.
  /// Same elements, other shape; needs a contiguous tensor. One size may be -1. @throws ShapeError
  Tensor reshape(std::initializer_list<std::int64_t> sizes) const;
  Tensor reshape(const Shape& shape) const;
  /// Rows [begin, end) of dimension `dim`.
  Tensor slice(int dim, std::int64_t begin, std::int64_t end) const;
  Tensor transpose(int a, int b) const;
  /// Repeats dimensions of size 1 by stride 0.
  Tensor expand(const Shape& shape) const;

  /// Itself when row-major, else a row-major copy.
  Tensor contiguous() const;
  /// A row-major copy that shares nothing.
  Tensor clone() const;
  /// Itself when nothing changes, else a copy of the nearest values; integers saturate, NaN becomes 0 in them.
  Tensor to(DType dtype) const;
  /// The only transfer between devices: itself where it is there already, else a row-major copy. @throws DeviceError
  Tensor to(Device target) const;

 private:
  void require_contiguous(const char* who) const;

  std::shared_ptr<Storage> storage_;
  Shape shape_;
  std::array<std::int64_t, Shape::kMaxRank> strides_{};
  std::int64_t offset_ = 0;  // elements
  DType dtype_ = DType::kFloat32;
};

/// Storage allocated now: what the tape counts as kept memory.
std::size_t storage_bytes(const Tensor& tensor);

}  // namespace ockham
