#include "nas/exchange/onnx/model.h"

#include <bit>
#include <cstring>

#include "engine/error.h"
#include "nas/exchange/onnx/protobuf.h"

namespace ockham::nas::onnx {
namespace {

constexpr std::int64_t kIrVersion = 7;
constexpr std::int64_t kOperatorSet = 13;

// TensorProto.DataType
constexpr std::int64_t kFloat = 1;
constexpr std::int64_t kInt64 = 7;

// The functions below take the field numbers of onnx.proto, in the order of which protobuf itself writes.

Message attribute_message(const Attribute& attribute) {
  constexpr std::int64_t kOneFloat = 1, kOneInt = 2, kInts = 7;  // AttributeProto.AttributeType
  Message message;
  message.bytes(1, attribute.name);
  std::int64_t type = 0;
  if (const auto* real = std::get_if<float>(&attribute.value)) {
    message.real(2, *real);
    type = kOneFloat;
  } else if (const auto* integer = std::get_if<std::int64_t>(&attribute.value)) {
    message.integer(3, *integer);
    type = kOneInt;
  } else {
    for (const std::int64_t element : std::get<std::vector<std::int64_t>>(attribute.value))
      message.integer(8, element);
    type = kInts;
  }
  message.integer(20, type);
  return message;
}

Message node_message(const Node& node) {
  Message message;
  for (const std::string& input : node.inputs)
    message.bytes(1, input);
  message.bytes(2, node.output);
  message.bytes(3, node.output);
  message.bytes(4, node.op_type);
  for (const Attribute& attribute : node.attributes)
    message.message(5, attribute_message(attribute));
  return message;
}

/// raw_data holds the elements little-endian in row-major order.
Message tensor_message(const std::string& name, const Tensor& value) {
  static_assert(std::endian::native == std::endian::little);
  if (value.dtype() != DType::kFloat32 && value.dtype() != DType::kInt64)
    throw Error(concat("onnx: ", name, " is of type ", value.dtype(), "; an initializer is float32 or int64."));
  const Tensor rows = value.contiguous();
  Message message;
  for (int dim = 0; dim < rows.rank(); ++dim)
    message.integer(1, rows.size(dim));
  message.integer(2, rows.dtype() == DType::kFloat32 ? kFloat : kInt64);
  message.bytes(8, name);
  visit_dtype(rows.dtype(), [&]<class T>() {
    const auto bytes = std::as_bytes(rows.span<T>());
    message.bytes(9, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
  return message;
}

Message port_message(const Port& port) {
  Message shape, first, tensor, type, message;
  first.bytes(2, "N");
  shape.message(1, first);
  for (const std::int64_t size : port.rest) {
    Message dimension;
    dimension.integer(1, size);
    shape.message(1, dimension);
  }
  tensor.integer(1, kFloat);
  tensor.message(2, shape);
  type.message(1, tensor);
  message.bytes(1, port.name);
  message.message(2, type);
  return message;
}

Message graph_message(const Model& model) {
  Message message;
  for (const Node& node : model.nodes)
    message.message(1, node_message(node));
  message.bytes(2, model.name);
  for (const auto& [name, value] : model.initializers)
    message.message(5, tensor_message(name, value));
  message.message(11, port_message(model.input));
  message.message(12, port_message(model.output));
  return message;
}

}  // namespace

std::string to_bytes(const Model& model) {
  Message message;
  message.integer(1, kIrVersion);
  message.bytes(2, "ockham");
  message.bytes(3, model.producer_version);
  message.message(7, graph_message(model));
  Message operators;
  operators.bytes(1, "");
  operators.integer(2, kOperatorSet);
  message.message(8, operators);
  for (const auto& [key, value] : model.metadata) {
    Message entry;
    entry.bytes(1, key);
    entry.bytes(2, value);
    message.message(14, entry);
  }
  constexpr std::size_t kLargest = (std::size_t{1} << 31) - 1;
  if (message.text().size() > kLargest)
    throw Error(concat("onnx: the model has ", message.text().size(), " bytes; a file holds at most ", kLargest, "."));
  return message.text();
}

}  // namespace ockham::nas::onnx
