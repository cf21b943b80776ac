// Each op as ONNX operators (onnx.ai, operator set 13). The table is at the end.
#include <algorithm>
#include <limits>
#include <numbers>
#include <typeindex>

#include "autograd/elementwise.h"
#include "engine/math.h"
#include "nas/exchange/onnx/graph.h"
#include "ops/add/add_op.h"
#include "ops/add_bias/add_bias_op.h"
#include "ops/avg_pool2d/avg_pool2d_op.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/concat/concat_op.h"
#include "ops/conv2d/conv2d_op.h"
#include "ops/exp/exp_op.h"
#include "ops/gelu/gelu_op.h"
#include "ops/global_avg_pool/global_avg_pool_op.h"
#include "ops/linear/linear_op.h"
#include "ops/log/log_op.h"
#include "ops/log_softmax/log_softmax_op.h"
#include "ops/max_pool2d/max_pool2d_op.h"
#include "ops/mix/mix_op.h"
#include "ops/mul/mul_op.h"
#include "ops/pad2d/pad2d_op.h"
#include "ops/relu/relu_op.h"
#include "ops/reshape/reshape_op.h"
#include "ops/scale/scale_op.h"
#include "ops/shift2d/shift2d_op.h"
#include "ops/sigmoid/sigmoid_op.h"
#include "ops/silu/silu_op.h"
#include "ops/slice/slice_op.h"
#include "ops/softmax/softmax_op.h"
#include "ops/tanh/tanh_op.h"
#include "ops/weighted_sum/weighted_sum_op.h"

namespace ockham::nas::onnx {
namespace {

using Call = Graph::Call;
using Integers = std::vector<std::int64_t>;

Attribute both(std::string name, std::int64_t value) {
  return {std::move(name), Integers{value, value}};
}
/// Rows above and below, columns left and right: [top, left, bottom, right].
Attribute pads(std::int64_t all) {
  return {"pads", Integers{all, all, all, all}};
}

/// The constant at an input whose value must be known. @throws Error if it depends on the images
const Tensor& known(const Graph& graph, const Call& call, std::size_t input) {
  if (graph.varies(call.x[input]))
    throw Error(concat("onnx: input ", input, " of ", call.op->name(),
                       " depends on the images; only a constant there has a translation."));
  return call.x[input];
}

/// A value per channel, to be multiplied with or added to maps: [C] -> [C, 1, 1].
std::string per_channel(Graph& graph, const Tensor& row, int rank) {
  Shape shape = row.shape();
  return graph.constant("", rank == 4 ? row.contiguous().reshape({shape[0], 1, 1}) : row.contiguous());
}

/// a + b + ..., added in that order.
std::string sum(Graph& graph, std::string_view stem, const std::vector<std::string>& terms) {
  std::string result = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i)
    result = graph.emit(stem, "Add", {result, terms[i]});
  return result;
}

std::string conv(Graph& graph, const Call& call, const Conv2d& op) {
  const Conv2dAttrs& attrs = op.conv();
  const Shape& w = call.x[1].shape();
  return graph.emit("conv2d", "Conv", {graph.name(call.x[0]), graph.name(call.x[1])},
                    {both("dilations", attrs.dilation),
                     {"group", attrs.groups},
                     {"kernel_shape", Integers{w[2], w[3]}},
                     pads(attrs.pad),
                     both("strides", attrs.stride)});
}

std::string linear(Graph& graph, const Call& call, const ockham::Linear&) {
  return graph.emit("linear", "Gemm", {graph.name(call.x[0]), graph.name(call.x[1])}, {{"transB", std::int64_t{1}}});
}

/// Conv and Gemm take a bias themselves, where nothing else reads what they give.
std::string add_bias(Graph& graph, const Call& call, const AddBias&) {
  const std::string x = graph.name(call.x[0]);
  Node* maker = graph.node(x);
  if (maker != nullptr && (maker->op_type == "Conv" || maker->op_type == "Gemm") && maker->inputs.size() == 2 &&
      graph.readers(call.x[0]).size() == 1) {
    const std::string bias = graph.name(call.x[1]);
    maker->inputs.push_back(bias);
    return x;
  }
  return graph.emit("add_bias", "Add", {x, per_channel(graph, known(graph, call, 1), call.x[0].rank())});
}

std::string batch_norm(Graph& graph, const Call& call, const BatchNormEval& op) {
  const std::size_t mean = op.mean_input();
  const std::int64_t C = call.x[0].size(1);
  const bool is_affine = mean == 3;
  return graph.emit("batch_norm", "BatchNormalization",
                    {graph.name(call.x[0]),
                     is_affine ? graph.name(call.x[1]) : graph.constant(concat("ones_", C), Tensor::full({C}, 1.0)),
                     is_affine ? graph.name(call.x[2]) : graph.constant(concat("zeros_", C), Tensor::zeros({C})),
                     graph.name(call.x[mean]), graph.name(call.x[mean + 1])},
                    {{"epsilon", static_cast<float>(op.eps())}});
}

std::string max_pool(Graph& graph, const Call& call, const MaxPool2d& op) {
  const PoolWindow& window = op.window();
  return graph.emit("max_pool2d", "MaxPool", {graph.name(call.x[0])},
                    {{"ceil_mode", std::int64_t{0}},
                     both("kernel_shape", window.kernel),
                     pads(window.pad),
                     both("strides", window.stride)});
}

std::string avg_pool(Graph& graph, const Call& call, const AvgPool2d& op) {
  const PoolWindow& window = op.window();
  return graph.emit("avg_pool2d", "AveragePool", {graph.name(call.x[0])},
                    {{"ceil_mode", std::int64_t{0}},
                     {"count_include_pad", std::int64_t{op.counts_padding()}},
                     both("kernel_shape", window.kernel),
                     pads(window.pad),
                     both("strides", window.stride)});
}

std::string global_avg_pool(Graph& graph, const Call& call, const GlobalAvgPool&) {
  const std::string means = graph.emit("global_avg_pool", "GlobalAveragePool", {graph.name(call.x[0])});
  return graph.emit("flatten", "Flatten", {means}, {{"axis", std::int64_t{1}}});
}

std::string add(Graph& graph, const Call& call, const AddOp&) {
  std::vector<std::string> terms;
  for (const Tensor& x : call.x)
    terms.push_back(graph.name(x));
  return sum(graph, "add", terms);
}

std::string multiply(Graph& graph, const Call& call, const MulOp&) {
  return graph.emit("mul", "Mul", {graph.name(call.x[0]), graph.name(call.x[1])});
}

bool is_zero(const Tensor& value) {
  const auto elements = value.span<float>();
  return std::ranges::all_of(elements, [](float element) { return element == 0.0f; });
}

/// Zeros before and behind a map are a border of channels, which leaves the number of images free.
/// @throws Error for other constants
std::string join(Graph& graph, const Call& call, const ConcatOp&) {
  std::vector<std::string> parts;
  std::int64_t before = 0, behind = 0;
  for (const Tensor& x : call.x) {
    if (graph.varies(x) && behind == 0)
      parts.push_back(graph.name(x));
    else if (!graph.varies(x) && is_zero(x))
      (parts.empty() ? before : behind) += x.size(1);
    else
      throw Error("onnx: concat of channels that do not depend on the images has a translation for zeros at its ends.");
  }
  const std::string joined =
      parts.size() == 1 ? parts[0] : graph.emit("concat", "Concat", parts, {{"axis", std::int64_t{1}}});
  Integers border(2 * static_cast<std::size_t>(call.y[0].rank()), 0);
  border[1] = before;
  border[border.size() / 2 + 1] = behind;
  return before + behind == 0 ? joined : graph.emit("concat", "Pad", {joined, graph.integers(border)});
}

/// Rows [begin, end) and every `step`-th, from a list of axes on.
std::string sliced(Graph& graph, std::string_view stem, const std::string& x, const Integers& begin,
                   const Integers& end, const Integers& axes, const Integers& steps) {
  return graph.emit(stem, "Slice",
                    {x, graph.integers(begin), graph.integers(end), graph.integers(axes), graph.integers(steps)});
}

std::string padded(Graph& graph, std::string_view stem, const std::string& x, const Pad2dAttrs& by) {
  return graph.emit(stem, "Pad", {x, graph.integers({0, 0, by.top, by.left, 0, 0, by.bottom, by.right})});
}

std::string pad(Graph& graph, const Call& call, const Pad2dOp& op) {
  return padded(graph, "pad2d", graph.name(call.x[0]), op.widths());
}

/// Do all readers of y, 1x1 convolutions with a stride, stay the same without its last rows and columns?
bool is_border_unread(const Graph& graph, const Tensor& y, std::int64_t rows, std::int64_t columns) {
  return std::ranges::all_of(graph.readers(y), [&](const Call* reader) {
    const auto* op = dynamic_cast<const Conv2d*>(reader->op.get());
    if (op == nullptr || op->conv().pad != 0 || reader->x[1].size(2) != 1 || reader->x[1].size(3) != 1)
      return false;
    const auto size = [&](std::int64_t whole, std::int64_t less) { return (whole - less - 1) / op->conv().stride + 1; };
    return size(y.size(2), rows) == size(y.size(2), 0) && size(y.size(3), columns) == size(y.size(3), 0);
  });
}

/// y[i, j] = x[stride i + dy, stride j + dx]: a slice, and zeros behind it where somebody reads them.
std::string shift(Graph& graph, const Call& call, const Shift2dOp& op) {
  if (op.dy() < 0 || op.dx() < 0)
    throw Error("onnx: shift2d by a negative number has no translation.");
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::string x = graph.name(call.x[0]);
  const std::string inside =
      sliced(graph, "shift2d", x, {op.dy(), op.dx()}, {most, most}, {2, 3}, {op.stride(), op.stride()});
  const auto lost = [&](int dim, std::int64_t by) {
    const std::int64_t left = call.x[0].size(dim) - by;
    return call.y[0].size(dim) - (left > 0 ? (left - 1) / op.stride() + 1 : 0);
  };
  const std::int64_t rows = lost(2, op.dy()), columns = lost(3, op.dx());
  if ((rows == 0 && columns == 0) || is_border_unread(graph, call.y[0], rows, columns))
    return inside;
  return padded(graph, "shift2d", inside, {.bottom = rows, .right = columns});
}

std::string slice(Graph& graph, const Call& call, const SliceOp& op) {
  if (op.dim() == 0)
    throw Error("onnx: slice of the images' own dimension has no translation.");
  return sliced(graph, "slice", graph.name(call.x[0]), {op.begin()}, {op.end()}, {op.dim()}, {1});
}

std::string reshape(Graph& graph, const Call& call, const ReshapeOp&) {
  const Shape& shape = call.y[0].shape();
  if (shape.rank() == 2)
    return graph.emit("flatten", "Flatten", {graph.name(call.x[0])}, {{"axis", std::int64_t{1}}});
  Integers sizes{0};  // 0: as it is, so that the number of images stays free
  for (int dim = 1; dim < shape.rank(); ++dim)
    sizes.push_back(shape[dim]);
  return graph.emit("reshape", "Reshape", {graph.name(call.x[0]), graph.integers(sizes)});
}

std::string scaled(Graph& graph, std::string_view stem, const std::string& x, double factor) {
  return factor == 1.0 ? x : graph.emit(stem, "Mul", {x, graph.constant("", Tensor::scalar(factor))});
}

std::string scale(Graph& graph, const Call& call, const ScaleOp&) {
  return scaled(graph, "scale", graph.name(call.x[0]), known(graph, call, 1).item());
}

std::string fixed_scale(Graph& graph, const Call& call, const FixedScaleOp& op) {
  return scaled(graph, "scale", graph.name(call.x[0]), op.factor());
}

/// Terms of weight 0 are left out, unless all are.
std::string weighted_sum(Graph& graph, const Call& call, const WeightedSumOp& op) {
  const Tensor alpha = known(graph, call, 0).contiguous();
  std::vector<std::string> terms;
  for (std::size_t k = 0; k < op.index().size(); ++k) {
    const double weight = alpha.data<float>()[op.index()[k]];
    if (weight != 0.0 || (terms.empty() && k + 1 == op.index().size()))
      terms.push_back(scaled(graph, "weighted_sum", graph.name(call.x[k + 1]), weight));
  }
  return sum(graph, "weighted_sum", terms);
}

/// alpha (scale z + shift) a branch, with rows of scales and shifts that are known.
std::string mix(Graph& graph, const Call& call, const MixOp& op) {
  const Tensor alpha = known(graph, call, 0).contiguous();
  std::vector<std::string> terms;
  for (std::size_t k = 0; k < op.index().size(); ++k) {
    const Tensor& z = call.x[k + 1];
    std::string term = graph.name(z);
    if (const std::size_t affine = op.affine_inputs()[k]; affine != 0) {
      const Tensor& rows = known(graph, call, affine);
      const auto row = [&](std::int64_t at) {
        return per_channel(graph, rows.slice(0, at, at + 1).contiguous().reshape({rows.size(1)}), z.rank());
      };
      term = graph.emit("mix", "Mul", {term, row(0)});
      term = graph.emit("mix", "Add", {term, row(1)});
    }
    terms.push_back(scaled(graph, "mix", term, alpha.data<float>()[op.index()[k]]));
  }
  return sum(graph, "mix", terms);
}

/// An operator of one input that means the same there.
template <class F>
std::string elementwise(Graph& graph, const Call& call, const ElementwiseOp<F>&, const char* op_type) {
  return graph.emit(F::kName, op_type, {graph.name(call.x[0])});
}
std::string relu(Graph& graph, const Call& call, const ElementwiseOp<ockham::Relu>& op) {
  return elementwise(graph, call, op, "Relu");
}
std::string tanh(Graph& graph, const Call& call, const ElementwiseOp<ockham::Tanh>& op) {
  return elementwise(graph, call, op, "Tanh");
}
std::string sigmoid(Graph& graph, const Call& call, const ElementwiseOp<ockham::Sigmoid>& op) {
  return elementwise(graph, call, op, "Sigmoid");
}
std::string exp(Graph& graph, const Call& call, const ElementwiseOp<ockham::Exp>& op) {
  return elementwise(graph, call, op, "Exp");
}
std::string log(Graph& graph, const Call& call, const ElementwiseOp<ockham::Log>& op) {
  return elementwise(graph, call, op, "Log");
}
std::string silu(Graph& graph, const Call& call, const ElementwiseOp<ockham::Silu>&) {
  const std::string x = graph.name(call.x[0]);
  return graph.emit("silu", "Mul", {x, graph.emit("silu", "Sigmoid", {x})});
}
/// x (1 + erf(x / sqrt 2)) / 2: opset 13 has no operator of its own for it.
std::string gelu(Graph& graph, const Call& call, const ElementwiseOp<ockham::Gelu>&) {
  const std::string x = graph.name(call.x[0]);
  const std::string erf = graph.emit("gelu", "Erf", {scaled(graph, "gelu", x, 1.0 / std::numbers::sqrt2)});
  const std::string twice = graph.emit("gelu", "Add", {erf, graph.constant("", Tensor::scalar(1.0))});
  return graph.emit("gelu", "Mul", {scaled(graph, "gelu", x, 0.5), twice});
}

std::string softmax(Graph& graph, const Call& call, const RowOp<ockham::Softmax>&) {
  return graph.emit("softmax", "Softmax", {graph.name(call.x[0])}, {{"axis", std::int64_t{-1}}});
}
std::string log_softmax(Graph& graph, const Call& call, const RowOp<ockham::LogSoftmax>&) {
  return graph.emit("log_softmax", "LogSoftmax", {graph.name(call.x[0])}, {{"axis", std::int64_t{-1}}});
}

/// Emits the operators of a call and returns the name of its result.
using Translation = std::string (*)(Graph&, const Call&);

template <class O, std::string (*Translate)(Graph&, const Call&, const O&)>
std::pair<std::type_index, Translation> row() {
  return {typeid(O),
          [](Graph& graph, const Call& call) { return Translate(graph, call, dynamic_cast<const O&>(*call.op)); }};
}

const std::unordered_map<std::type_index, Translation>& table() {
  static const std::unordered_map<std::type_index, Translation> all = {
      row<AddOp, add>(),
      row<AddBias, add_bias>(),
      row<AvgPool2d, avg_pool>(),
      row<BatchNormEval, batch_norm>(),
      row<ConcatOp, join>(),
      row<Conv2d, conv>(),
      row<ElementwiseOp<ockham::Exp>, exp>(),
      row<GlobalAvgPool, global_avg_pool>(),
      row<ockham::Linear, linear>(),
      row<ElementwiseOp<ockham::Log>, log>(),
      row<RowOp<ockham::LogSoftmax>, log_softmax>(),
      row<MaxPool2d, max_pool>(),
      row<MixOp, mix>(),
      row<MulOp, multiply>(),
      row<Pad2dOp, pad>(),
      row<ElementwiseOp<ockham::Relu>, relu>(),
      row<ReshapeOp, reshape>(),
      row<ScaleOp, scale>(),
      row<FixedScaleOp, fixed_scale>(),
      row<ElementwiseOp<ockham::Gelu>, gelu>(),
      row<Shift2dOp, shift>(),
      row<ElementwiseOp<ockham::Sigmoid>, sigmoid>(),
      row<ElementwiseOp<ockham::Silu>, silu>(),
      row<SliceOp, slice>(),
      row<RowOp<ockham::Softmax>, softmax>(),
      row<ElementwiseOp<ockham::Tanh>, tanh>(),
      row<WeightedSumOp, weighted_sum>(),
  };
  return all;
}

}  // namespace

void translate(Graph& graph, const Call& call) {
  const Op& op = *call.op;
  const auto found = table().find(typeid(op));
  if (found == table().end())
    throw Error(
        concat("onnx: the op ", op.name(), " has no translation; add one to nas/exchange/onnx/translations.cpp."));
  graph.set_name(call, found->second(graph, call));
}

}  // namespace ockham::nas::onnx
