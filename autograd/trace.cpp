#include "autograd/trace.h"

namespace ockham {

Trace::Trace() {
  if (current_ != nullptr)
    throw Error("trace: this thread has one already; end it before the next begins.");
  current_ = this;
}

}  // namespace ockham
