// ockham-train: trains the network of a genotype and tests it.
// The run itself is apps/runs/training/network_training.cpp.
#include "apps/runs/training/network_training.h"

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv, ockham::apps::train_app());
}
