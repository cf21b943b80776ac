// ockham-train: trains the network of a genotype and tests it.
// The run itself is apps/runs/training/network_training.cpp.
#include "apps/runs/training/network_training.h"

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv,
                                {.name = "train",
                                 .purpose = "Trains the network of a genotype from scratch and tests it.",
                                 .declare = ockham::apps::declare_train,
                                 .run = ockham::apps::run_train});
}
