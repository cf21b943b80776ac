#pragma once
// How a run that may have a memory limit begins.
#include <optional>

#include "apps/runs/folder/checkpoints.h"
#include "apps/runs/memory_plan.h"
#include "apps/runs/profile_report.h"

namespace ockham::apps {

/// Images at a time that --memory-limit allows; 0: there is none, or a checkpoint will tell.
template <class Run>
std::int64_t choose_micro_batch(Session& session) {
  if (!session.options().is_set("memory-limit") || resumes_from_checkpoint(session.options().text("resume")))
    return 0;
  std::optional<Unlimited> unlimited(std::in_place);  // what is needed at least counts in the refusal
  Run rehearsal(session);
  unlimited.reset();
  return rehearsal.fitting_micro_batch();
}

/// Makes a Run of the session and the images at a time that its memory limit allows, and runs it. Run(session) has
/// fitting_micro_batch(), after which it is of no use.
template <class Run>
int run_within_limit(Session& session) {
  const std::int64_t micro_batch = choose_micro_batch<Run>(session);
  CachingAllocator::instance().drop_cache();  // what a rehearsal left is not the run's
  return run_profiled(session, session.options().flag("profile"), [&] { return Run(session, micro_batch).run(); });
}

}  // namespace ockham::apps
