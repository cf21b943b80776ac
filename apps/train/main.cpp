// ockham-train: trains the network of a genotype, or a model, and tests it, once or with several seeds.
// The run itself is apps/runs/training/network_training.cpp.
#include "apps/runs/training/network_training.h"
#include "apps/train/seeds.h"

int main(int argc, char** argv) {
  using namespace ockham::apps;
  App app = train_app();
  app.declare = [declare = app.declare](OptionTable& table) {
    declare(table);
    declare_settings<SeedsSettings>(table);
  };
  app.run = [run = app.run](Session& session) {
    const auto settings = read_settings<TrainSettings>(session.options());
    for (const std::string& line : unused_options(session.options(), settings.network))
      session.log().line(line);
    const auto several = read_settings<SeedsSettings>(session.options());
    return several.seeds.empty() ? run(session) : train_seeds(session, several);
  };
  return run_main(argc, argv, app);
}
