// ockham-train: trains the network of a genotype, or a model, and tests it.
// The run itself is apps/runs/training/network_training.cpp.
#include "apps/runs/training/network_training.h"

int main(int argc, char** argv) {
  using namespace ockham::apps;
  App app = train_app();
  app.run = [run = app.run](Session& session) {
    const auto settings = read_settings<TrainSettings>(session.options());
    for (const std::string& line : unused_options(session.options(), settings.network))
      session.log().line(line);
    return run(session);
  };
  return run_main(argc, argv, app);
}
