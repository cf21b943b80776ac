#include "engine/transfer.h"

#include "engine/backend.h"
#include "engine/math.h"

namespace ockham {

void transfer(const Tensor& x, Tensor& y) {
  if (x.spec() != y.spec() || !x.is_contiguous() || !y.is_contiguous())
    throw ShapeError(concat("transfer: x ", x.spec(), " and y ", y.spec(), " must be contiguous and of one spec."));
  if (!x.device().is_cpu())
    throw DeviceError(
        concat("transfer: x is on ", x.device(), ", not in the host's memory; copy() stays on a device."));
  const Device device = y.device();
  if (device.is_cpu())
    copy(x, y);
  else if (x.numel() > 0)
    backend_of(device).upload(device.index, x.device_bytes(), y.device_bytes(), x.nbytes());
}

}  // namespace ockham
