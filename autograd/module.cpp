#include "autograd/module.h"

#include <cmath>

#include "engine/allocator.h"

namespace ockham {

Parameter& Module::add_parameter(std::string name, Tensor value, ParameterKind kind) {
  auto parameter = std::make_unique<Parameter>();
  parameter->value = std::move(value);
  parameter->kind = kind;
  Parameter& result = *parameter;
  own_.emplace_back(std::move(name), std::move(parameter));
  return result;
}

void Module::collect(const std::string& prefix, std::vector<Parameter*>& result) {
  for (auto& [name, parameter] : own_) {
    parameter->name = prefix + name;
    result.push_back(parameter.get());
  }
  for (auto& [name, child] : children_)
    child->collect(name.empty() ? prefix : prefix + name + ".", result);
}

std::vector<Parameter*> Module::state() {
  std::vector<Parameter*> result;
  collect("", result);
  return result;
}

std::vector<Parameter*> Module::parameters(ParameterKind kind) {
  std::vector<Parameter*> result;
  for (Parameter* parameter : state()) {
    if (parameter->kind == kind)
      result.push_back(parameter);
  }
  return result;
}

std::int64_t count_elements(std::span<Parameter* const> parameters) {
  std::int64_t total = 0;
  for (const Parameter* parameter : parameters)
    total += parameter->value.numel();
  return total;
}

Tensor Initial::uniform_fan_in(const Shape& shape, std::int64_t fan_in) {
  const MemoryScope scope(MemoryClass::kWeights);
  Tensor value(shape, dtype);
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  fill_uniform(value, {seed, Purpose::kInit, next_stream++}, -bound, bound);
  return value.to(device);
}

Tensor Initial::normal(const Shape& shape, double deviation) {
  const MemoryScope scope(MemoryClass::kWeights);
  Tensor value(shape, dtype);
  fill_normal(value, {seed, Purpose::kInit, next_stream++}, 0.0, deviation);
  return value.to(device);
}

Tensor Initial::constant(const Shape& shape, double value) const {
  const MemoryScope scope(MemoryClass::kWeights);
  return Tensor::full(shape, value, dtype, device);
}

}  // namespace ockham
