#pragma once
// Element types. float32 and float64 compute; bfloat16 stores feature maps; int64 and uint8 hold labels and pixels.
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string_view>
#include <type_traits>

#include "engine/bfloat16.h"
#include "engine/error.h"

namespace ockham {

enum class DType : std::uint8_t { kFloat32, kFloat64, kBFloat16, kInt64, kUInt8 };

template <class T>
inline constexpr DType kDTypeOf = DType::kFloat32;
template <>
inline constexpr DType kDTypeOf<double> = DType::kFloat64;
template <>
inline constexpr DType kDTypeOf<BFloat16> = DType::kBFloat16;
template <>
inline constexpr DType kDTypeOf<std::int64_t> = DType::kInt64;
template <>
inline constexpr DType kDTypeOf<std::uint8_t> = DType::kUInt8;

constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return 4;
    case DType::kFloat64:
    case DType::kInt64:
      return 8;
    case DType::kBFloat16:
      return 2;
    case DType::kUInt8:
      return 1;
  }
  return 0;
}

constexpr std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "float32";
    case DType::kFloat64:
      return "float64";
    case DType::kBFloat16:
      return "bfloat16";
    case DType::kInt64:
      return "int64";
    case DType::kUInt8:
      return "uint8";
  }
  return "?";
}

inline std::ostream& operator<<(std::ostream& out, DType dtype) {
  return out << name_of(dtype);
}

constexpr bool is_compute_type(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat64;
}

/// What values of `dtype` are computed in: float32 for bfloat16.
constexpr DType compute_type(DType dtype) {
  return dtype == DType::kBFloat16 ? DType::kFloat32 : dtype;
}

/// Calls `body.template operator()<T>()` with T = float or double.
/// @throws DTypeError for any other dtype, naming `who`
template <class Body>
decltype(auto) visit_float(DType dtype, std::string_view who, Body&& body) {
  if (dtype == DType::kFloat32)
    return body.template operator()<float>();
  if (dtype == DType::kFloat64)
    return body.template operator()<double>();
  throw DTypeError(concat(who, ": takes float32 or float64, not ", dtype, "; convert with Tensor::to."));
}

/// Calls `body.template operator()<T>()` with the C++ type of any dtype.
template <class Body>
decltype(auto) visit_dtype(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::kFloat64:
      return body.template operator()<double>();
    case DType::kBFloat16:
      return body.template operator()<BFloat16>();
    case DType::kInt64:
      return body.template operator()<std::int64_t>();
    case DType::kUInt8:
      return body.template operator()<std::uint8_t>();
    case DType::kFloat32:
      break;
  }
  return body.template operator()<float>();
}

}  // namespace ockham
