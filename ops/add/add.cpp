#include "ops/add/add.h"

#include "autograd/registry.h"
#include "ops/add/add_op.h"
#include "ops/infer.h"
#include "ops/loops.h"

namespace ockham {
namespace {

/// y = the sum of those x that are defined.
void add_defined(Inputs x, Tensor& y) {
  visit_float(y.dtype(), "add", [&]<class T>() {
    std::vector<cpu::Term<T>> terms;
    for (const Tensor& term : x) {
      if (term)
        terms.push_back({T(1), term.data<T>()});
    }
    cpu::combine<T>(y.numel(), terms, y.data<T>(), false);
  });
}

void add_to_each(const Tensor& g, std::span<GradSlot> slots) {
  for (GradSlot& slot : slots) {
    if (slot)
      slot.add(g);
  }
}

}  // namespace

std::vector<Spec> AddOp::infer(std::span<const Spec> x) const {
  require_equal_shapes(*this, x, 2);
  require_float(*this, x);
  return {x[0]};
}

void AddOp::forward(Inputs x, Outputs y, Saved&) const {
  add_defined(x, y[0]);
}

void AddOp::vjp(const Saved&, std::int64_t, Inputs y_bar, std::span<GradSlot> x_bar) const {
  add_to_each(y_bar[0], x_bar);
}

void AddOp::jvp(const Saved&, std::int64_t, Inputs x_dot, Outputs y_dot) const {
  add_defined(x_dot, y_dot[0]);
}

void AddOp::recursion(const Saved&, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  add_to_each(h_y[0], h_x);
}

namespace {

std::vector<Tensor> reference(Inputs x) {
  Tensor y = Tensor::zeros(x[0].shape(), DType::kFloat64);
  for (const Tensor& term : x) {
    for (std::int64_t i = 0; i < y.numel(); ++i)
      y.data<double>()[i] += term.data<double>()[i];
  }
  return {y};
}

OpSample sample(std::string name, const Shape& shape, std::size_t terms) {
  return {.name = std::move(name),
          .make = [=] { return std::make_unique<AddOp>(terms); },
          .inputs = std::vector<InputDraw>(terms, {.shape = shape}),
          .reference = reference};
}

OCKHAM_REGISTER_OP(add, {.name = "add",
                         .samples = {sample("two terms", {2, 3, 5, 7}, 2), sample("five terms", {3, 4}, 5),
                                     sample("scalars", {}, 3)},
                         .bad = {{.make = [] { return std::make_unique<AddOp>(2); },
                                  .inputs = {{{2, 3}}, {{2, 1}}},
                                  .message_parts = {"add", "[2,3]", "[2,1]", "must be equal"}},
                                 {.make = [] { return std::make_unique<AddOp>(1); },
                                  .inputs = {{{2, 3}}},
                                  .message_parts = {"add", "1 inputs", "at least 2"}},
                                 {.make = [] { return std::make_unique<AddOp>(3); },
                                  .inputs = {{{2, 3}}, {{2, 3}}},
                                  .message_parts = {"add", "takes 3 inputs, got 2"}},
                                 {.make = [] { return std::make_unique<AddOp>(2); },
                                  .inputs = {{{2, 3}}, {{2, 3}, DType::kFloat64}},
                                  .message_parts = {"add", "float32[2,3]", "float64[2,3]"}}}});

}  // namespace

Variable add(std::span<const Variable> terms) {
  return record_one(std::make_shared<const AddOp>(terms.size()), terms);
}

}  // namespace ockham
