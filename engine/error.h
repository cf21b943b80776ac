#pragma once
// The exceptions of the engine and of everything above it. One class per way a program ends, so that a caller (or
// apps/runs/program) can tell them apart; the message is one sentence with every number, the rule and the remedy.
#include <sstream>
#include <stdexcept>
#include <string>

namespace ockham {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// Shapes that do not fit together.
class ShapeError : public Error {
 public:
  using Error::Error;
};
/// A dtype that an operation does not take.
class DTypeError : public Error {
 public:
  using Error::Error;
};
/// A wrong option, configuration or genotype: the user's to mend (exit code 2).
class UsageError : public Error {
 public:
  using Error::Error;
};
/// A device or backend that is not there (exit code 3).
class DeviceError : public Error {
 public:
  using Error::Error;
};
/// A loss or gradient that is not finite (exit code 4).
class DivergedError : public Error {
 public:
  using Error::Error;
};
/// A file of tensors that is damaged or belongs to something else (exit code 6).
class CheckpointError : public Error {
 public:
  using Error::Error;
};

template <class T>
concept Printable = requires(std::ostream& out, const T& piece) {
  out << piece;
};

/// Concatenates anything printable: `concat("x ", x.shape(), " has rank ", 3)`.
template <Printable... Pieces>
std::string concat(const Pieces&... pieces) {
  std::ostringstream out;
  (out << ... << pieces);
  return out.str();
}

}  // namespace ockham

/// For what only this code base can get wrong; checked in every build since a silent wrong number costs more.
#define OCKHAM_ASSERT(condition)                                                                          \
  do {                                                                                                    \
    if (!(condition))                                                                                     \
      throw ::std::logic_error(::ockham::concat(__FILE_NAME__, ":", __LINE__, ": broken: ", #condition)); \
  } while (false)
