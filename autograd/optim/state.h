#pragma once
// Shared by the optimisers: reading a named state tensor back, numbers of a step in device memory, and what a profile
// is told of an update.
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "autograd/parameter.h"
#include "autograd/profile.h"

namespace ockham {

/// A copy of state[name], where `like` is. @throws CheckpointError if it is missing or is not of `like`'s shape and
/// dtype
Tensor stored_like(const std::map<std::string, Tensor>& state, const std::string& name, const Tensor& like);

/// An update of the parameters that have a grad, which reads or writes `arrays` arrays of each one's size.
ProfiledCall update_call(std::string_view name, std::span<Parameter* const> parameters, double arrays);

/// May a step on the CPU be taken with this gradient norm? Undefined: it was not measured.
bool allows_update(const Tensor& norm);

/// Numbers that the host writes before a step and a device reads in it, at one place for as long as the optimiser
/// lives.
class DeviceScalars {
 public:
  /// Where the parameters are; none on the CPU.
  DeviceScalars(std::span<Parameter* const> parameters, std::int64_t count);
  /// Nothing to do on the CPU, or where the numbers are as they were.
  void put(std::initializer_list<double> values);
  /// float64 [count]; undefined on the CPU.
  const Tensor& values() const { return values_; }

 private:
  Tensor values_;
  std::vector<double> last_;
};

}  // namespace ockham
