#include "nas/exchange/onnx/export.h"

#include <algorithm>
#include <cstring>

#include "engine/random.h"
#include "nas/exchange/onnx/graph.h"

namespace ockham::nas::onnx {
namespace {

struct TracedPass {
  Tensor images, logits;
  std::vector<Trace::Call> calls = {};
};

/// One op per layer, on images of noise.
TracedPass traced(const Forward& forward, const Shape& image, std::int64_t count) {
  TracedPass pass{.images = Tensor({count, image[0], image[1], image[2]}), .logits = {}};
  fill_normal(pass.images, {.seed = 1, .purpose = Purpose::kTest, .step = static_cast<std::uint64_t>(count)});
  const Trace trace;
  Context context;
  context.fuses = false;
  pass.logits = forward(context, pass.images).value();
  pass.calls = trace.calls();
  return pass;
}

void require_float(const TracedPass& pass) {
  for (const Trace::Call& call : pass.calls) {
    for (const auto* values : {&call.x, &call.y}) {
      for (const Tensor& value : *values) {
        if (value.dtype() != DType::kFloat32)
          throw Error(concat("onnx: ", call.op->name(), " computes in ", value.dtype(), "; models are float32."));
      }
    }
  }
}

/// For each call whether its result depends on the images.
std::vector<bool> varying_calls(const TracedPass& pass, std::unordered_set<const void*>& varying) {
  varying = {Graph::address(pass.images)};
  std::vector<bool> result;
  for (const Trace::Call& call : pass.calls) {
    result.push_back(std::ranges::any_of(call.x, [&](const Tensor& x) { return varying.contains(Graph::address(x)); }));
    for (const Tensor& y : call.y) {
      if (result.back())
        varying.insert(Graph::address(y));
    }
  }
  return result;
}

/// The same, or the same row for each image.
bool is_constant(const Tensor& of_one, const Tensor& of_two) {
  const auto is_same = [](const Tensor& a, const Tensor& b) {
    return a.spec() == b.spec() && std::memcmp(a.data<float>(), b.data<float>(), a.nbytes()) == 0;
  };
  if (of_one.rank() < 2 || of_one.size(0) != 1 || of_two.rank() < 2 || of_two.size(0) != 2)
    return is_same(of_one, of_two);
  return is_same(of_one, of_two.slice(0, 0, 1).contiguous()) && is_same(of_one, of_two.slice(0, 1, 2).contiguous());
}

/// Whatever is taken for a constant must not change with the images or their number.
/// @throws Error if it does: a value came to an op other than through ops
void require_constants(const TracedPass& one, const TracedPass& two) {
  std::unordered_set<const void*> varying;
  const std::vector<bool> varies = varying_calls(one, varying);
  if (one.calls.size() != two.calls.size())
    throw Error("onnx: two passes ran different ops, so that the network is no fixed graph and cannot be exported.");
  for (std::size_t c = 0; c < one.calls.size(); ++c) {
    const Trace::Call &a = one.calls[c], &b = two.calls[c];
    for (std::size_t i = 0; varies[c] && i < a.x.size(); ++i) {
      if (!varying.contains(Graph::address(a.x[i])) && !(i < b.x.size() && is_constant(a.x[i], b.x[i])))
        throw Error(concat("onnx: input ", i, " of ", a.op->name(), ", ", a.x[i].shape(),
                           ", changes with the images but is no result of an op; the network cannot be exported."));
    }
  }
}

/// What the logits depend on and what depends on the images, in order.
std::vector<const Trace::Call*> needed_calls(const TracedPass& pass) {
  std::unordered_set<const void*> varying, needed{Graph::address(pass.logits)};
  const std::vector<bool> varies = varying_calls(pass, varying);
  if (!varying.contains(Graph::address(pass.logits)))
    throw Error("onnx: the logits do not depend on the images, so there is no network to export.");
  std::vector<const Trace::Call*> result;
  for (std::size_t c = pass.calls.size(); c-- > 0;) {
    const Trace::Call& call = pass.calls[c];
    if (!varies[c] || !std::ranges::any_of(call.y, [&](const Tensor& y) { return needed.contains(Graph::address(y)); }))
      continue;
    result.push_back(&call);
    for (const Tensor& x : call.x)
      needed.insert(Graph::address(x));
  }
  std::ranges::reverse(result);
  return result;
}

}  // namespace

Model to_model(const Forward& forward, Module& module, const Shape& image) {
  const TracedPass pass = traced(forward, image, 1);
  require_float(pass);
  require_constants(pass, traced(forward, image, 2));
  std::unordered_map<const void*, std::string> names;
  for (const Parameter* parameter : module.state()) {
    if (parameter->value.dtype() == DType::kFloat32)
      names[Graph::address(parameter->value)] = parameter->name;
  }
  Graph graph(needed_calls(pass), pass.images, std::move(names));
  for (const Trace::Call* call : graph.calls())
    translate(graph, *call);
  Model model;
  model.name = "network";
  model.input = {"input", {image[0], image[1], image[2]}};
  model.output = {"logits", {pass.logits.size(1)}};
  graph.move_to(model, graph.name(pass.logits), model.output.name);
  return model;
}

}  // namespace ockham::nas::onnx
