// ockham-train: trains the network of a genotype. Options and presets here, the run itself in common/train_run.cpp.
#include "apps/common/common_options.h"
#include "apps/common/main.h"
#include "apps/common/train_run.h"

namespace {

using ockham::apps::kFraction;
using ockham::apps::OptionTable;

void declare(OptionTable& table) {
  ockham::apps::add_compute_options(table);
  ockham::apps::add_data_options(table);
  ockham::apps::add_training_options(table);
  table.at("epochs").fallback = "600";
  table.at("batch-size").fallback = "96";
  table.at("channels").fallback = "36";
  table.at("cells").fallback = "20";
  table.group("Network");
  table.text("genotype", "", "the cells: a file, the name of a published genotype, or its text", "FILE|NAME|TEXT");
  table.alias("arch", "genotype");
  table.flag("auxiliary", "train with a second classifier after two thirds of the cells");
  table.choice("stem", {"cifar", "imagenet"}, "cifar", "first layers: one 3x3 convolution, or three strided ones");
  table.choice("reduction", {"strided", "shifted"}, "strided", "how pre-processors of bayesnas networks halve a map");
  table.group("Recipe");
  table.choice("schedule", {"cosine", "exponential", "step", "constant"}, "cosine", "learning rate over the epochs");
  table.real("lr-min", 0, "learning rate that the cosine ends at");
  table.real("lr-factor", 0.97, "factor of the exponential (per epoch) or step schedule", kFraction);
  table.count("lr-every", 30, "epochs between the steps of the step schedule", {.min = 1});
  table.count("warmup-epochs", 0, "epochs of linear warm-up");
  table.real("momentum", 0.9, "momentum", kFraction);
  table.flag("nesterov", "Nesterov's form of the momentum");
  table.real("weight-decay", 3e-4, "weight decay");
  table.real("grad-clip", 5, "largest norm of the gradient; 0 for no limit");
  table.real("auxiliary-weight", 0.4, "weight of the second classifier's loss");
  table.real("label-smoothing", 0, "label smoothing", kFraction);
  table.count("cutout", 16, "side of the square cut out of training images; 0 for none", {.max = 1024});
  table.alias("cutout-length", "cutout");
  table.real("drop-path-prob", 0.2,
             "drop path (darts) or channel dropout (bayesnas) at the last epoch, growing linearly from 0", kFraction);
  ockham::apps::add_run_options(table);
  table.count("save-every", 200, "steps between checkpoints; every epoch ends with one", {.min = 1, .max = 1000000});
  table.preset("quick", {{"dataset", "shapes"},
                         {"train-size", "4000"},
                         {"test-size", "1000"},
                         {"channels", "8"},
                         {"cells", "5"},
                         {"epochs", "6"},
                         {"batch-size", "64"},
                         {"drop-path-prob", "0"},
                         {"cutout", "8"}});
  table.preset("small", {{"dataset", "cifar10"},
                         {"channels", "16"},
                         {"cells", "8"},
                         {"epochs", "10"},
                         {"batch-size", "64"},
                         {"drop-path-prob", "0"},
                         {"lr", "0.05"}});
  table.preset("paper",
               {{"dataset", "cifar10"}, {"channels", "36"}, {"cells", "20"}, {"epochs", "600"}, {"batch-size", "128"}});
}

}  // namespace

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv,
                                {.name = "train",
                                 .purpose = "Trains the network of a genotype from scratch and tests it.",
                                 .declare = declare,
                                 .run = ockham::apps::run_train});
}
