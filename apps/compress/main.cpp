// ockham-compress: makes a network smaller: trains it, or takes it from a checkpoint, prunes groups of its weights in
// cycles and removes what is pruned. The run itself is compress_training.cpp, one of several budgets sweep.cpp.
#include "apps/compress/compress_training.h"

int main(int argc, char** argv) {
  using namespace ockham::apps;
  App app = compress_app();
  app.run = [run = app.run](Session& session) {
    const auto settings = read_settings<CompressSettings>(session.options());
    if (settings.checkpoint.empty()) {
      for (const std::string& line : unused_options(session.options(), settings.train.network))
        session.log().line(line);
    }
    return run(session);
  };
  return run_main(argc, argv, app);
}
