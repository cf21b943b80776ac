#pragma once
// An ONNX model as data, and as the bytes of a file (onnx.ai, onnx.proto): operator set 13, IR version 7, which every
// reader of the last years takes.
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/tensor.h"

namespace ockham::nas::onnx {

struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::vector<std::int64_t>> value;
};

/// One operator with one output.
struct Node {
  std::string op_type;
  std::vector<std::string> inputs;
  std::string output;  ///< and its own name
  std::vector<Attribute> attributes = {};
};

/// A float32 value whose first dimension is free.
struct Port {
  std::string name;
  std::vector<std::int64_t> rest;  ///< the other dimensions
};

struct Model {
  std::string name;
  std::vector<Node> nodes;                                   ///< each after those that it reads
  std::vector<std::pair<std::string, Tensor>> initializers;  ///< float32 or int64
  Port input, output;
  std::map<std::string, std::string> metadata;
  std::string producer_version;
};

/// The file. @throws Error for an initializer of another type, or a model of 2 GiB or more, which the format excludes
std::string to_bytes(const Model& model);

}  // namespace ockham::nas::onnx
