#include "apps/search/search_app.h"

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv, ockham::apps::search_app());
}
