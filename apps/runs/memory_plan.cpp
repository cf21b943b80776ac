#include "apps/runs/memory_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/cli/host.h"
#include "apps/cli/text/format.h"
#include "engine/arena.h"
#include "engine/error.h"
#include "engine/random.h"

namespace ockham::apps {
namespace {

constexpr std::int64_t kFew = 16;       ///< the kernels' scratch has stopped growing by then
constexpr std::int64_t kMeasured = 32;  ///< up to here the pass itself is run
constexpr double kSpare = 1.05;         ///< what the plan may be wrong by
constexpr double kSlack = 1 << 20;      ///< and more in small networks: scratch of threads grows in blocks

double line(std::int64_t images, double few, double more) {
  const double each = (more - few) / static_cast<double>(kMeasured - kFew);
  return std::max(0.0, few + each * static_cast<double>(images - kFew));
}

std::size_t sum_of(const MemoryUse& bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), std::size_t{0});
}

std::size_t with_spare(std::size_t bytes) {
  return static_cast<std::size_t>(std::ceil(static_cast<double>(bytes) * kSpare + kSlack));
}

}  // namespace

const PassPlan::Rehearsal& PassPlan::rehearse(std::int64_t images) {
  if (const auto it = done_.find(images); it != done_.end())
    return it->second;
  Arena::local().release();
  drop_memory_cache(device_);  // blocks of other sizes would serve requests and count as larger
  run_(images);                // takes the memory
  reset_memory_peak(device_);
  const double start = monotonic_seconds();
  run_(images);
  const Rehearsal result{.bytes = memory_statistics(device_).peak, .seconds = monotonic_seconds() - start};
  return done_.emplace(images, result).first->second;
}

MemoryUse PassPlan::bytes(std::int64_t images) {
  if (images <= kMeasured)
    return rehearse(images).bytes;
  const MemoryUse& few = rehearse(kFew).bytes;
  const MemoryUse& more = rehearse(kMeasured).bytes;
  MemoryUse result{};
  for (std::size_t c = 0; c < kMemoryClasses; ++c)
    result[c] = static_cast<std::size_t>(line(images, static_cast<double>(few[c]), static_cast<double>(more[c])));
  return result;
}

std::size_t PassPlan::peak(std::int64_t images) {
  return sum_of(bytes(images));
}

double PassPlan::seconds(std::int64_t images) {
  return images <= kMeasured ? rehearse(images).seconds
                             : line(images, rehearse(kFew).seconds, rehearse(kMeasured).seconds);
}

std::size_t peak_of(const std::vector<PlannedPass>& passes) {
  std::size_t peak = 0;
  for (const PlannedPass& pass : passes)
    peak = std::max(peak, pass.plan->peak(pass.images));
  return peak;
}

std::string memory_table(const std::vector<PlannedPass>& passes) {
  constexpr std::size_t kName = 20;
  constexpr std::size_t kColumn = 16;
  const auto row = [&](const std::string& name, const auto& cell) {
    std::string text = padded(name, kName);
    for (const PlannedPass& pass : passes)
      text += padded(cell(pass), kColumn);
    return text.substr(0, text.find_last_not_of(' ') + 1) + '\n';
  };
  std::string table = row("memory", [](const PlannedPass& pass) { return pass.plan->name(); });
  table += row("  images at once", [](const PlannedPass& pass) { return format_count(pass.images); });
  for (std::size_t c = 0; c < kMemoryClasses; ++c)
    table += row(concat("  ", name_of(static_cast<MemoryClass>(c))),
                 [&](const PlannedPass& pass) { return format_bytes(pass.plan->bytes(pass.images)[c]); });
  table += row("  sum", [](const PlannedPass& pass) { return format_bytes(pass.plan->peak(pass.images)); });
  const std::size_t peak = peak_of(passes);
  return table + concat("predicted peak      ", format_bytes(peak), ", ", format_count(static_cast<std::int64_t>(peak)),
                        " bytes (passes of more than ", kMeasured, " images: on the line through ", kFew, " and ",
                        kMeasured, "; others measured)\n");
}

bool fits(const PlannedPass& pass, std::size_t limit) {
  try {
    return with_spare(pass.plan->peak(pass.images)) <= limit;
  } catch (const UsageError&) {  // the allocator's limit ended the rehearsal
    return false;
  }
}

std::int64_t fitting_micro_batch(std::size_t limit, std::int64_t batch, PassPlan& whole, PassPlan& split,
                                 const std::vector<PlannedPass>& others) {
  const auto step_of = [&](std::int64_t images) -> PlannedPass { return {images == batch ? &whole : &split, images}; };
  if (std::ranges::all_of(others, [&](const PlannedPass& pass) { return fits(pass, limit); })) {
    for (std::int64_t images = batch; images >= 1; --images) {
      if (batch % images == 0 && fits(step_of(images), limit))
        return images;
    }
  }
  const Unlimited unlimited(whole.device());
  const PlannedPass least = step_of(1);
  const std::size_t smallest = with_spare(std::max(peak_of({least}), peak_of(others)));
  std::string what;
  for (const PlannedPass& pass : others)
    what += concat("; the ", pass.plan->name(), " of ", pass.images, " images ", pass.plan->peak(pass.images));
  throw UsageError(concat("memory: this run needs a --memory-limit of at least ", smallest, " bytes, not ", limit,
                          " (a step of one image at a time takes ", least.plan->peak(1), what,
                          "; 5 % and 1 MiB to spare); raise it, or lower --channels, --cells or what takes most."));
}

std::string micro_batch_line(std::int64_t batch, std::int64_t micro_batch) {
  return concat("memory limit: a step takes its ", batch, " images ", micro_batch, " at a time in ",
                batch / micro_batch, " parts, whose gradients add up; batch norm normalises each part by itself");
}

std::string time_lines(std::int64_t steps, double step_seconds, double rest) {
  return concat("steps               ", format_count(steps), "\none step            ", format_duration(step_seconds),
                "\nestimated time      ", format_duration(step_seconds * static_cast<double>(steps) + rest), "\n");
}

nas::Batch noise_batch(std::int64_t images, std::int64_t channels, std::int64_t size, const TensorForm& form) {
  Tensor noise({images, channels, size, size}, compute_type(form.dtype));
  fill_normal(noise, {.purpose = Purpose::kProbe});
  return nas::Batch{.images = noise.to(form.dtype), .labels = Tensor::zeros({images}, DType::kInt64)}.to(form.device);
}

}  // namespace ockham::apps
