#include "engine/tensor.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/allocator.h"
#include "engine/backend.h"
#include "engine/math.h"

namespace ockham {

/// A reference-counted block of memory, given back to its allocator with the last handle.
class Storage {
 public:
  Storage(std::size_t bytes, Device device)
      : bytes_(bytes),
        device_(device),
        backend_(device.is_cpu() ? nullptr : &backend_of(device)),
        data_(backend_ ? backend_->allocate(device.index, bytes) : CachingAllocator::instance().allocate(bytes)) {}
  ~Storage() {
    if (backend_)
      backend_->release(device_.index, data_, bytes_);
    else
      CachingAllocator::instance().release(data_, bytes_);
  }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  std::size_t bytes_;
  Device device_;
  Backend* backend_;  // null: the CPU
  void* data_;
};

namespace {

std::size_t bytes_of(const Shape& shape, DType dtype) {
  const auto limit = static_cast<std::size_t>(PTRDIFF_MAX) / size_of(dtype);
  const auto numel = static_cast<std::size_t>(shape.numel());
  if (numel > limit)
    throw ShapeError(concat("tensor: ", dtype, shape, " has ", numel, " elements, more than the ", limit,
                            " that can be addressed."));
  return numel * size_of(dtype);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Spec& spec) {
  return out << spec.dtype << spec.shape;
}

Tensor::Tensor(const Shape& shape, DType dtype, Device device)
    : shape_(shape), strides_(shape.row_major_strides()), dtype_(dtype) {
  storage_ = std::make_shared<Storage>(bytes_of(shape, dtype), device);
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) {
  if (!device.is_cpu())
    return full(shape, 0.0, dtype, device);
  Tensor result(shape, dtype);
  std::memset(result.storage_->data(), 0, result.nbytes());  // all our dtypes have zero as zero bytes
  return result;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Device device) {
  Tensor result(shape, dtype, device);
  fill(result, value);
  return result;
}

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape) {
  if (static_cast<std::int64_t>(values.size()) != shape.numel())
    throw ShapeError(
        concat("tensor: ", values.size(), " values do not fill shape ", shape, " of ", shape.numel(), "."));
  Tensor result(shape, kDTypeOf<T>);
  std::ranges::copy(values, result.data<T>());
  return result;
}
template Tensor Tensor::from(std::span<const float>, const Shape&);
template Tensor Tensor::from(std::span<const double>, const Shape&);
template Tensor Tensor::from(std::span<const std::int64_t>, const Shape&);
template Tensor Tensor::from(std::span<const std::uint8_t>, const Shape&);
template Tensor Tensor::from(std::span<const BFloat16>, const Shape&);

Device Tensor::device() const {
  return storage_ ? storage_->device() : Device{};
}

bool Tensor::is_contiguous() const {
  const auto wanted = shape_.row_major_strides();
  for (int dim = 0; dim < rank(); ++dim) {
    if (shape_[dim] > 1 && stride(dim) != wanted[static_cast<std::size_t>(dim)])
      return false;
  }
  return true;
}

const std::byte* Tensor::device_bytes() const {
  if (!storage_)
    throw Error("tensor: an undefined tensor has no data; give it a shape first.");
  return static_cast<const std::byte*>(storage_->data()) + offset_ * static_cast<std::int64_t>(size_of(dtype_));
}

std::byte* Tensor::device_bytes() {
  return const_cast<std::byte*>(static_cast<const Tensor&>(*this).device_bytes());
}

template <class T>
const T* Tensor::device_data() const {
  if (dtype_ != kDTypeOf<T>)
    throw DTypeError(concat("tensor: holds ", dtype_, shape_, ", read as ", kDTypeOf<T>, "; convert with Tensor::to."));
  return reinterpret_cast<const T*>(device_bytes());
}

template <class T>
const T* Tensor::data() const {
  if (storage_ && !storage_->device().is_cpu())
    throw DeviceError(
        concat("tensor: ", spec(), " is on ", device(), ", read by the host; bring it with to(Device{})."));
  return device_data<T>();
}

template <class T>
T* Tensor::device_data() {
  return const_cast<T*>(static_cast<const Tensor&>(*this).device_data<T>());
}
template <class T>
T* Tensor::data() {
  return const_cast<T*>(static_cast<const Tensor&>(*this).data<T>());
}
#define OCKHAM_INSTANTIATE_DATA(T)                  \
  template const T* Tensor::data<T>() const;        \
  template T* Tensor::data<T>();                    \
  template const T* Tensor::device_data<T>() const; \
  template T* Tensor::device_data<T>();
OCKHAM_INSTANTIATE_DATA(float)
OCKHAM_INSTANTIATE_DATA(double)
OCKHAM_INSTANTIATE_DATA(BFloat16)
OCKHAM_INSTANTIATE_DATA(std::int64_t)
OCKHAM_INSTANTIATE_DATA(std::uint8_t)
#undef OCKHAM_INSTANTIATE_DATA

double Tensor::item() const {
  if (numel() != 1)
    throw ShapeError(concat("tensor: item() reads one element, the shape is ", shape_, "."));
  if (!device().is_cpu())
    return to(Device{}).item();
  return visit_dtype(dtype_, [&]<class T>() -> double {
    if constexpr (std::is_same_v<T, BFloat16>)
      return static_cast<float>(*data<T>());
    else
      return static_cast<double>(*data<T>());
  });
}

Tensor Tensor::reshape(const Shape& shape) const {
  require_contiguous("reshape");
  if (shape.numel() != numel())
    throw ShapeError(
        concat("tensor: ", shape_, " with ", numel(), " elements cannot become ", shape, " with ", shape.numel(), "."));
  Tensor view = *this;
  view.shape_ = shape;
  view.strides_ = shape.row_major_strides();
  return view;
}

Tensor Tensor::reshape(std::initializer_list<std::int64_t> sizes) const {
  std::vector<std::int64_t> wanted(sizes);
  if (const auto open = std::ranges::find(wanted, -1); open != wanted.end()) {
    *open = 1;
    const std::int64_t known = Shape(wanted).numel();
    *open = known == 0 ? 0 : numel() / known;
  }
  return reshape(Shape(wanted));
}

Tensor Tensor::slice(int dim, std::int64_t begin, std::int64_t end) const {
  if (dim < 0 || dim >= rank() || begin < 0 || begin > end || end > shape_[dim])
    throw ShapeError(concat("tensor: rows [", begin, ", ", end, ") of dimension ", dim, " are not in ", shape_, "."));
  Tensor view = *this;
  view.shape_ = shape_.with(dim, end - begin);
  view.offset_ += begin * stride(dim);
  return view;
}

Tensor Tensor::transpose(int a, int b) const {
  if (std::min(a, b) < 0 || std::max(a, b) >= rank())
    throw ShapeError(concat("tensor: dimensions ", a, " and ", b, " are not both in ", shape_, "."));
  Tensor view = *this;
  view.shape_ = shape_.with(a, shape_[b]).with(b, shape_[a]);
  std::swap(view.strides_[static_cast<std::size_t>(a)], view.strides_[static_cast<std::size_t>(b)]);
  return view;
}

Tensor Tensor::expand(const Shape& shape) const {
  bool fits = shape.rank() == rank();
  for (int dim = 0; fits && dim < rank(); ++dim)
    fits = shape_[dim] == shape[dim] || shape_[dim] == 1;
  if (!fits)
    throw ShapeError(concat("tensor: ", shape_, " cannot expand to ", shape, "; only sizes of 1 repeat."));
  Tensor view = *this;
  view.shape_ = shape;
  for (int dim = 0; dim < rank(); ++dim) {
    if (shape_[dim] != shape[dim])
      view.strides_[static_cast<std::size_t>(dim)] = 0;
  }
  return view;
}

Tensor Tensor::contiguous() const {
  return is_contiguous() ? *this : clone();
}

Tensor Tensor::clone() const {
  Tensor result(shape_, dtype_, device());
  copy(*this, result);
  return result;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_)
    return *this;
  Tensor result(shape_, dtype, device());
  copy(*this, result);
  return result;
}

Tensor Tensor::to(Device target) const {
  require_available(target);
  if (target == device())
    return *this;
  if (!device().is_cpu() && !target.is_cpu())
    return to(Device{}).to(target);
  const Tensor source = contiguous();
  Tensor result(shape_, dtype_, target);
  if (source.is_defined() && numel() > 0) {
    if (target.is_cpu())
      backend_of(device()).download(device().index, source.device_bytes(), result.device_bytes(), nbytes());
    else
      backend_of(target).upload(target.index, source.device_bytes(), result.device_bytes(), nbytes());
  }
  return result;
}

void Tensor::require_contiguous(const char* who) const {
  if (!is_contiguous())
    throw ShapeError(concat("tensor: ", who, " needs row-major elements, but this view of shape ", shape_,
                            " is strided; call contiguous() first."));
}

std::size_t storage_bytes(const Tensor& tensor) {
  return tensor.is_defined() ? tensor.nbytes() : 0;
}

}  // namespace ockham
