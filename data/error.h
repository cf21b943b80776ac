#pragma once
#include <stdexcept>

namespace ockham::data {

/// Bad or missing data: a file that is absent, cut off, of the wrong size or holds values out of range.
/// Programs report the message and end with exit code 5.
class DataError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ockham::data
