#include "tests/cudaemu/ptx/launch.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/launch_hook.h"
#include "tests/cudaemu/ptx/block.h"
#include "tests/cudaemu/runtime/block.h"
#include "tests/cudaemu/runtime/heap.h"

namespace emu::ptx {

namespace {

struct Kernel {
  Module* module;
  std::string entry;
};
struct Library {
  std::vector<std::unique_ptr<Module>> modules;
  std::map<std::string, Kernel> kernels;  ///< by signature
};

Library& library() {
  static Library all;
  return all;
}

/// 0, 1, ..., n - 1 as EMU_ORDER asks.
std::vector<std::uint32_t> order_of(std::size_t n, std::mt19937& random) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  if (options().order == Order::descending)
    std::ranges::reverse(order);
  else if (options().order == Order::random)
    std::ranges::shuffle(order, random);
  return order;
}

std::vector<std::byte> parameters_of(const Program& program, const Pack& pack) {
  std::vector<const void*> values(static_cast<std::size_t>(pack.count()));
  std::vector<std::size_t> sizes(values.size());
  pack.list(values.data(), sizes.data());
  bool fits = values.size() == program.parameters.size();
  std::vector<std::byte> bytes(program.parameter_bytes);
  for (std::size_t k = 0; k < values.size() && fits; ++k) {
    const auto& [offset, size] = program.parameters[k];
    fits = sizes[k] == size;
    if (fits)
      std::memcpy(bytes.data() + offset, values[k], size);
  }
  if (!fits)
    fail(program.file, 0, "kernel " + program.name + " takes other parameters than the program gives: an old file?");
  return bytes;
}

bool run_in_place_of(const char* name, dim3 grid, dim3 block, std::size_t dynamic_bytes, const Pack& pack) {
  if (library().kernels.empty())
    return false;
  static std::map<std::string, std::string> signatures;
  std::string& signature = signatures[name];
  if (signature.empty())
    signature = signature_of(name);
  const auto found = library().kernels.find(signature);
  if (found == library().kernels.end())
    fail("EMU_PTX", 0, "no file has the kernel " + signature);
  const Program& program = found->second.module->program(found->second.entry);
  const std::vector<std::byte> parameters = parameters_of(program, pack);
  run(program, {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, dynamic_bytes, parameters.data());
  return true;
}

/// Files that the environment names are loaded before main.
bool load_from_environment() {
  const char* const files = std::getenv("EMU_PTX");
  std::string_view rest = files == nullptr ? "" : files;
  while (!rest.empty()) {
    const std::string_view file = rest.substr(0, rest.find(':'));
    load(std::string(file));
    rest.remove_prefix(std::min(file.size() + 1, rest.size()));
  }
  return files != nullptr;
}

}  // namespace

/// Programs name this symbol when they are linked, so that this file is part of them.
extern "C" const bool emu_ptx_is_from_environment = load_from_environment();

void load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) {
    std::fprintf(stderr, "cuda-emu: EMU_PTX: cannot read %s\n", path.c_str());
    std::exit(2);
  }
  Library& all = library();
  all.modules.push_back(std::make_unique<Module>(path, text));
  for (const std::string& entry : all.modules.back()->entries())
    all.kernels.try_emplace(signature_of(entry.c_str()), Kernel{all.modules.back().get(), entry});
  track_bytes();
  launch_hook = run_in_place_of;
}

void unload() {
  library().kernels.clear();
  library().modules.clear();
}

void run(const Program& program, Shape grid, Shape block_shape, std::size_t dynamic_bytes,
         const std::byte* parameters) {
  thread_local Block block;
  thread_local std::mt19937 random(options().seed);
  running.in_kernel = true;
  running.kernel = &program.signature;
  const std::size_t threads = std::size_t{block_shape.x} * block_shape.y * block_shape.z;
  if (threads > program.most_threads)
    emu::report("launch", "%zu threads a block, but %s is compiled for %u", threads, program.name.c_str(),
                program.most_threads);
  block.prepare(program, {grid.x, grid.y, grid.z}, {block_shape.x, block_shape.y, block_shape.z},
                static_cast<std::uint32_t>(dynamic_bytes), parameters);
  block.order = order_of(block.warps.size(), random);
  for (const std::uint32_t b : order_of(std::size_t{grid.x} * grid.y * grid.z, random))
    block.run({b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y});
  running.in_kernel = false;
}

}  // namespace emu::ptx
