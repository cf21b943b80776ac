#pragma once
// A reader and evaluator of ONNX models, sharing no code with the exporter: the wire format field by field, and each
// operator by the plain loops of its definition (onnx.ai).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ockham::test {

/// One field of a protobuf message: a number, or bytes.
struct WireField {
  int number = 0;
  std::uint64_t value = 0;
  std::string_view bytes = {};
};

inline std::vector<WireField> wire_fields(std::string_view text) {
  std::vector<WireField> fields;
  std::size_t at = 0;
  const auto byte = [&] { return static_cast<std::uint8_t>(text.at(at++)); };
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const std::uint64_t b = byte();
      value |= (b & 0x7f) << shift;
      if (b < 0x80)
        return value;
    }
  };
  while (at < text.size()) {
    const std::uint64_t tag = varint();
    WireField field{.number = static_cast<int>(tag >> 3)};
    switch (tag & 7) {
      case 0:
        field.value = varint();
        break;
      case 2: {
        const std::uint64_t size = varint();
        if (size > text.size() - at)
          throw std::runtime_error("a length runs over the end");
        field.bytes = text.substr(at, size);
        at += size;
        break;
      }
      case 5:
        for (int shift = 0; shift < 32; shift += 8)
          field.value |= std::uint64_t{byte()} << shift;
        break;
      default:
        throw std::runtime_error("unexpected wire type");
    }
    fields.push_back(field);
  }
  return fields;
}

struct OnnxValue {
  std::vector<std::int64_t> shape;
  std::vector<double> data;
  std::int64_t size(std::size_t dim) const { return shape.at(dim); }
};

struct OnnxNode {
  std::string op_type, output;
  std::vector<std::string> inputs;
  std::map<std::string, std::vector<std::int64_t>> ints;
  std::map<std::string, float> reals;

  std::int64_t integer(const std::string& name, std::int64_t missing) const {
    const auto it = ints.find(name);
    return it == ints.end() ? missing : it->second.at(0);
  }
};

class OnnxModel {
 public:
  explicit OnnxModel(std::string bytes) : bytes_(std::move(bytes)) {
    for (const WireField& field : wire_fields(bytes_)) {
      if (field.number == 1)
        ir_version = static_cast<int>(field.value);
      else if (field.number == 7)
        read_graph(field.bytes);
      else if (field.number == 8)
        opset = static_cast<int>(wire_fields(field.bytes).at(1).value);
      else if (field.number == 14)
        metadata[std::string(wire_fields(field.bytes).at(0).bytes)] = wire_fields(field.bytes).at(1).bytes;
    }
  }

  int ir_version = 0, opset = 0;
  std::vector<OnnxNode> nodes;
  std::map<std::string, OnnxValue> initializers;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, std::string> metadata;

  /// How many nodes of this type there are.
  std::int64_t count(std::string_view op_type) const {
    return std::ranges::count(nodes, op_type, [](const OnnxNode& node) -> std::string_view { return node.op_type; });
  }

  OnnxValue run(const OnnxValue& input) const {
    std::map<std::string, OnnxValue> values = initializers;
    values[inputs.at(0)] = input;
    for (const OnnxNode& node : nodes)
      values[node.output] = evaluate(node, values);
    return values.at(outputs.at(0));
  }

 private:
  using Values = std::map<std::string, OnnxValue>;

  void read_graph(std::string_view text) {
    for (const WireField& field : wire_fields(text)) {
      if (field.number == 1)
        read_node(field.bytes);
      else if (field.number == 5)
        read_tensor(field.bytes);
      else if (field.number == 11)
        inputs.emplace_back(wire_fields(field.bytes).at(0).bytes);
      else if (field.number == 12)
        outputs.emplace_back(wire_fields(field.bytes).at(0).bytes);
    }
  }

  void read_node(std::string_view text) {
    OnnxNode node;
    for (const WireField& field : wire_fields(text)) {
      if (field.number == 1)
        node.inputs.emplace_back(field.bytes);
      else if (field.number == 2)
        node.output = field.bytes;
      else if (field.number == 4)
        node.op_type = field.bytes;
      else if (field.number == 5)
        read_attribute(field.bytes, node);
    }
    nodes.push_back(node);
  }

  static void read_attribute(std::string_view text, OnnxNode& node) {
    std::string name;
    for (const WireField& field : wire_fields(text)) {
      if (field.number == 1)
        name = field.bytes;
      else if (field.number == 2)
        std::memcpy(&node.reals[name], &field.value, 4);
      else if (field.number == 3 || field.number == 8)
        node.ints[name].push_back(static_cast<std::int64_t>(field.value));
    }
  }

  void read_tensor(std::string_view text) {
    OnnxValue value;
    std::string name;
    std::uint64_t type = 0;
    std::string_view raw;
    for (const WireField& field : wire_fields(text)) {
      if (field.number == 1)
        value.shape.push_back(static_cast<std::int64_t>(field.value));
      else if (field.number == 2)
        type = field.value;
      else if (field.number == 8)
        name = field.bytes;
      else if (field.number == 9)
        raw = field.bytes;
    }
    const auto read = [&]<class T>(T) {
      for (std::size_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) {
        T element;
        std::memcpy(&element, raw.data() + at, sizeof(T));
        value.data.push_back(static_cast<double>(element));
      }
    };
    type == 7 ? read(std::int64_t{}) : read(float{});
    initializers[name] = value;
  }

  static std::vector<std::int64_t> integers(const OnnxValue& value) {
    std::vector<std::int64_t> result;
    for (const double element : value.data)  // the largest int64 is no double: cut it
      result.push_back(element > 1e18 ? std::int64_t{1} << 60 : static_cast<std::int64_t>(element));
    return result;
  }

  static OnnxValue zeros(std::vector<std::int64_t> shape) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape)
      count *= size;
    return {std::move(shape), std::vector<double>(static_cast<std::size_t>(count), 0.0)};
  }

  static double& at(OnnxValue& v, std::int64_t n, std::int64_t c, std::int64_t i, std::int64_t j) {
    return v.data[static_cast<std::size_t>(((n * v.shape[1] + c) * v.shape[2] + i) * v.shape[3] + j)];
  }
  static double at(const OnnxValue& v, std::int64_t n, std::int64_t c, std::int64_t i, std::int64_t j) {
    return at(const_cast<OnnxValue&>(v), n, c, i, j);
  }

  static OnnxValue evaluate(const OnnxNode& node, const Values& values) {
    std::vector<const OnnxValue*> x;
    for (const std::string& name : node.inputs)
      x.push_back(&values.at(name));
    const std::string& type = node.op_type;
    if (type == "Conv")
      return conv(node, x);
    if (type == "MaxPool" || type == "AveragePool")
      return pool(node, *x[0], type == "MaxPool");
    if (type == "Gemm")
      return gemm(node, x);
    if (type == "BatchNormalization")
      return norm(node, x);
    if (type == "Add" || type == "Mul")
      return broadcast(*x[0], *x[1], type == "Add");
    if (type == "Concat")
      return concat(x);
    if (type == "Slice")
      return slice(x);
    if (type == "Pad")
      return pad(*x[0], integers(*x[1]));
    if (type == "Flatten")
      return flat(*x[0]);
    if (type == "GlobalAveragePool")
      return means(*x[0]);
    if (type == "Relu" || type == "Tanh" || type == "Sigmoid")
      return mapped(*x[0], [&](double v) {
        return type == "Relu" ? std::max(v, 0.0) : type == "Tanh" ? std::tanh(v) : 1.0 / (1.0 + std::exp(-v));
      });
    if (type == "Erf")
      return mapped(*x[0], [](double v) { return std::erf(v); });
    throw std::runtime_error("no evaluator of " + type);
  }

  static OnnxValue mapped(OnnxValue x, const std::function<double(double)>& f) {
    for (double& element : x.data)
      element = f(element);
    return x;
  }

  /// Output size of a window along dimension 2 or 3. @param axis 0 or 1
  static std::int64_t out_size(const OnnxNode& node, const OnnxValue& x, std::int64_t kernel, std::size_t axis) {
    const auto pads = node.ints.at("pads"), strides = node.ints.at("strides");
    const std::int64_t dilation = node.ints.contains("dilations") ? node.ints.at("dilations")[axis] : 1;
    return (x.size(2 + axis) + pads[axis] + pads[2 + axis] - dilation * (kernel - 1) - 1) / strides[axis] + 1;
  }

  static OnnxValue conv(const OnnxNode& node, const std::vector<const OnnxValue*>& inputs) {
    const OnnxValue &x = *inputs[0], &w = *inputs[1];
    const std::int64_t groups = node.integer("group", 1), K = w.size(0), C = w.size(1);
    const auto pads = node.ints.at("pads"), strides = node.ints.at("strides"), dilations = node.ints.at("dilations");
    OnnxValue y = zeros({x.size(0), K, out_size(node, x, w.size(2), 0), out_size(node, x, w.size(3), 1)});
    for (std::int64_t n = 0; n < x.size(0); ++n)
      for (std::int64_t k = 0; k < K; ++k)
        for (std::int64_t p = 0; p < y.size(2); ++p)
          for (std::int64_t q = 0; q < y.size(3); ++q) {
            double sum = inputs.size() > 2 ? inputs[2]->data.at(static_cast<std::size_t>(k)) : 0.0;
            for (std::int64_t c = 0; c < C; ++c)
              for (std::int64_t r = 0; r < w.size(2); ++r)
                for (std::int64_t s = 0; s < w.size(3); ++s) {
                  const std::int64_t i = p * strides[0] + r * dilations[0] - pads[0];
                  const std::int64_t j = q * strides[1] + s * dilations[1] - pads[1];
                  if (i >= 0 && i < x.size(2) && j >= 0 && j < x.size(3))
                    sum += at(w, k, c, r, s) * at(x, n, k / (K / groups) * C + c, i, j);
                }
            at(y, n, k, p, q) = sum;
          }
    return y;
  }

  static OnnxValue pool(const OnnxNode& node, const OnnxValue& x, bool is_max) {
    const auto kernel = node.ints.at("kernel_shape"), pads = node.ints.at("pads"), strides = node.ints.at("strides");
    OnnxValue y = zeros({x.size(0), x.size(1), out_size(node, x, kernel[0], 0), out_size(node, x, kernel[1], 1)});
    for (std::int64_t n = 0; n < x.size(0); ++n)
      for (std::int64_t c = 0; c < x.size(1); ++c)
        for (std::int64_t p = 0; p < y.size(2); ++p)
          for (std::int64_t q = 0; q < y.size(3); ++q) {
            double sum = 0.0, most = -HUGE_VAL;
            int inside = 0;
            for (std::int64_t r = 0; r < kernel[0]; ++r)
              for (std::int64_t s = 0; s < kernel[1]; ++s) {
                const std::int64_t i = p * strides[0] + r - pads[0], j = q * strides[1] + s - pads[1];
                if (i < 0 || i >= x.size(2) || j < 0 || j >= x.size(3))
                  continue;
                ++inside;
                sum += at(x, n, c, i, j);
                most = std::max(most, at(x, n, c, i, j));
              }
            const bool counts_all = node.integer("count_include_pad", 0) != 0;
            at(y, n, c, p, q) = is_max ? most : sum / static_cast<double>(counts_all ? kernel[0] * kernel[1] : inside);
          }
    return y;
  }

  static OnnxValue gemm(const OnnxNode& node, const std::vector<const OnnxValue*>& inputs) {
    const OnnxValue &a = *inputs[0], &b = *inputs[1];
    if (node.integer("transB", 0) != 1)
      throw std::runtime_error("Gemm without transB");
    const std::int64_t N = a.size(0), I = a.size(1), O = b.size(0);
    OnnxValue y = zeros({N, O});
    for (std::int64_t n = 0; n < N; ++n)
      for (std::int64_t o = 0; o < O; ++o) {
        double sum = inputs.size() > 2 ? inputs[2]->data.at(static_cast<std::size_t>(o)) : 0.0;
        for (std::int64_t i = 0; i < I; ++i)
          sum += a.data.at(static_cast<std::size_t>(n * I + i)) * b.data.at(static_cast<std::size_t>(o * I + i));
        y.data[static_cast<std::size_t>(n * O + o)] = sum;
      }
    return y;
  }

  static OnnxValue norm(const OnnxNode& node, const std::vector<const OnnxValue*>& in) {
    OnnxValue y = *in[0];
    const std::size_t C = static_cast<std::size_t>(y.size(1));
    const std::size_t plane = y.data.size() / static_cast<std::size_t>(y.size(0)) / C;
    for (std::size_t i = 0; i < y.data.size(); ++i) {
      const std::size_t c = i / plane % C;
      y.data[i] = (y.data[i] - in[3]->data.at(c)) / std::sqrt(in[4]->data.at(c) + node.reals.at("epsilon")) *
                      in[1]->data.at(c) +
                  in[2]->data.at(c);
    }
    return y;
  }

  /// a op b, with b broadcast as numpy does.
  static OnnxValue broadcast(const OnnxValue& a, const OnnxValue& b, bool adds) {
    OnnxValue y = a;
    for (std::size_t i = 0; i < y.data.size(); ++i) {
      std::size_t rest = i, place = 0, stride = 1;
      for (std::size_t d = a.shape.size(); d-- > 0;) {
        const auto size = static_cast<std::size_t>(a.shape[d]);
        const std::size_t index = rest % size;
        rest /= size;
        if (const std::size_t behind = a.shape.size() - d; behind <= b.shape.size()) {
          const auto own = static_cast<std::size_t>(b.shape[b.shape.size() - behind]);
          place += (own == 1 ? 0 : index) * stride;
          stride *= own;
        }
      }
      y.data[i] = adds ? a.data[i] + b.data.at(place) : a.data[i] * b.data.at(place);
    }
    return y;
  }

  static OnnxValue concat(const std::vector<const OnnxValue*>& parts) {
    OnnxValue y = *parts[0];
    y.shape[1] = 0;
    for (const OnnxValue* part : parts)
      y.shape[1] += part->size(1);
    y.data.clear();
    for (std::int64_t n = 0; n < y.size(0); ++n)
      for (const OnnxValue* part : parts) {
        const auto size = static_cast<std::ptrdiff_t>(part->data.size()) / part->size(0);
        y.data.insert(y.data.end(), part->data.begin() + n * size, part->data.begin() + (n + 1) * size);
      }
    return y;
  }

  static OnnxValue slice(const std::vector<const OnnxValue*>& in) {
    OnnxValue x = *in[0];
    const std::size_t rank = x.shape.size();
    x.shape.resize(4, 1);
    std::vector<std::int64_t> begin(4, 0), end = x.shape, step(4, 1);
    const auto starts = integers(*in[1]), ends = integers(*in[2]), axes = integers(*in[3]), steps = integers(*in[4]);
    for (std::size_t k = 0; k < axes.size(); ++k) {
      const auto axis = static_cast<std::size_t>(axes[k]);
      begin.at(axis) = starts[k];
      end.at(axis) = std::min(ends[k], x.shape[axis]);
      step.at(axis) = steps[k];
    }
    std::vector<std::int64_t> shape;
    for (std::size_t d = 0; d < 4; ++d)
      shape.push_back((end[d] - begin[d] + step[d] - 1) / step[d]);
    OnnxValue y = zeros(shape);
    for (std::int64_t n = 0; n < shape[0]; ++n)
      for (std::int64_t c = 0; c < shape[1]; ++c)
        for (std::int64_t i = 0; i < shape[2]; ++i)
          for (std::int64_t j = 0; j < shape[3]; ++j)
            at(y, n, c, i, j) =
                at(x, begin[0] + n * step[0], begin[1] + c * step[1], begin[2] + i * step[2], begin[3] + j * step[3]);
    y.shape.resize(rank);
    return y;
  }

  static OnnxValue pad(const OnnxValue& x, const std::vector<std::int64_t>& by) {
    OnnxValue y = zeros({x.size(0), x.size(1) + by[1] + by[5], x.size(2) + by[2] + by[6], x.size(3) + by[3] + by[7]});
    for (std::int64_t n = 0; n < x.size(0); ++n)
      for (std::int64_t c = 0; c < x.size(1); ++c)
        for (std::int64_t i = 0; i < x.size(2); ++i)
          for (std::int64_t j = 0; j < x.size(3); ++j)
            at(y, n, c + by[1], i + by[2], j + by[3]) = at(x, n, c, i, j);
    return y;
  }

  static OnnxValue flat(OnnxValue x) {
    x.shape = {x.size(0), static_cast<std::int64_t>(x.data.size()) / x.size(0)};
    return x;
  }

  static OnnxValue means(const OnnxValue& x) {
    OnnxValue y = zeros({x.size(0), x.size(1), 1, 1});
    const std::size_t plane = x.data.size() / y.data.size();
    for (std::size_t i = 0; i < x.data.size(); ++i)
      y.data[i / plane] += x.data[i] / static_cast<double>(plane);
    return y;
  }

  std::string bytes_;
};

}  // namespace ockham::test
