// What kernels touch beside what they name in operands(), by which recorded steps are ordered: every access is held
// against the names. Check mode alone.
#include "engine/cuda/absorption.h"
#include "engine/cuda/queue.h"
#include "nas/catalog/catalog.h"
#include "nas/methods/darts/darts.h"
#include "nas/train/trainer.h"
#include "tests/cuda/agreement.h"
#include "tests/cudaemu/emu.h"
#include "tests/nas/networks.h"

namespace ockham {
namespace {

/// A recorded step whose tasks run one by one, each where it may touch nothing but what it names.
class NamedStep final : public RecordedStep {
 public:
  NamedStep(cuda::Queue& queue, const std::function<void()>& step) : queue_(queue) {
    cuda::Recorder recorder;
    queue.set_recorder(&recorder);
    queue.memory().set_recorded(&memory_);
    step();
    queue.memory().set_recorded(nullptr);
    queue.set_recorder(nullptr);
    tasks_ = cuda::with_absorbed(recorder.tasks());
  }
  ~NamedStep() override {
    queue_.synchronize();
    queue_.memory().forget(memory_);
  }
  void run() override {
    for (const cuda::Task& task : tasks_) {
      std::vector<emu::Named::Range> ranges;
      for (const cuda::Access& access : task.accesses)
        ranges.push_back({access.begin, access.end, access.writes});
      const emu::Named named(ranges);
      const void* const kernel = task.kernel.data();
      task.type == nullptr ? task.work(queue_.stream()) : task.type->launch(queue_.stream(), {&kernel, 1});
      queue_.synchronize();
    }
  }
  std::int64_t tasks() const override { return std::ssize(tasks_); }
  std::int64_t launches() const override { return std::ssize(tasks_); }
  std::size_t bytes() const override { return memory_.bytes(); }
  std::size_t traffic() const override { return 0; }

 private:
  cuda::Queue& queue_;
  cuda::RecordedMemory memory_{std::size_t{1} << 30};
  std::vector<cuda::Task> tasks_;
};

/// The device, but for its recorded steps.
class NamedBackend final : public Backend {
 public:
  explicit NamedBackend(std::unique_ptr<Backend>& real) : real_(real) {}
  std::string obstacle(int index) override { return real_->obstacle(index); }
  std::string description(int index) override { return real_->description(index); }
  std::vector<std::pair<std::string, std::string>> versions(int index) override { return real_->versions(index); }
  void* allocate(int index, std::size_t bytes) override { return real_->allocate(index, bytes); }
  void release(int index, void* block, std::size_t bytes) noexcept override { real_->release(index, block, bytes); }
  AllocatorStatistics statistics(int index) override { return real_->statistics(index); }
  void reset_peak(int index) override { real_->reset_peak(index); }
  void drop_cache(int index) override { real_->drop_cache(index); }
  std::size_t set_memory_limit(int index, std::size_t bytes) override { return real_->set_memory_limit(index, bytes); }
  void upload(int index, const void* host, void* device, std::size_t bytes) override {
    real_->upload(index, host, device, bytes);
  }
  void download(int index, const void* device, void* host, std::size_t bytes) override {
    real_->download(index, device, host, bytes);
  }
  void move(int index, const void* from, void* to, std::size_t bytes) override { real_->move(index, from, to, bytes); }
  void synchronize(int index) override { real_->synchronize(index); }
  void set_math_mode(int index, MathMode mode) override { real_->set_math_mode(index, mode); }
  std::int64_t library_products(int index) override { return real_->library_products(index); }
  std::unique_ptr<RecordedStep> record(int index, const std::function<void()>& step) override {
    return std::make_unique<NamedStep>(cuda::Queue::use(index), step);
  }

 private:
  std::unique_ptr<Backend>& real_;
};

/// While it lives, the device records such steps.
class Names {
 public:
  Names() : real_(register_backend(Device::Kind::kCuda, std::make_unique<NamedBackend>(real_))) {}
  ~Names() { register_backend(Device::Kind::kCuda, std::move(real_)); }
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

 private:
  std::unique_ptr<Backend> real_;
};

nas::Batch noise_batch(std::uint64_t stream) {
  return test::noise_batch(2, {.classes = 3, .image_channels = 3, .image_size = 8}, DType::kFloat32, stream)
      .to(test::kCuda);
}

BOOST_AUTO_TEST_SUITE(operands)

OCKHAM_CUDA_TEST(passes_touch_what_their_kernels_name) {
  const Names names;
  const char* const wanted = std::getenv("OCKHAM_OP");
  for (const OpCase& op_case : OpRegistry::instance().cases()) {
    for (const OpSample& sample : op_case.samples) {
      if (wanted == nullptr || op_case.name == wanted)
        test::check_agreement(sample, CheckFormat::kFloat32, op_case.name);
    }
  }
}

OCKHAM_CUDA_TEST(steps_of_a_search_touch_what_their_kernels_name) {
  const Names names;
  const auto space = nas::find_space("darts").settings()->make(
      {.channels = 2, .cells = 3, .classes = 3, .image_channels = 3, .image_size = 8});
  nas::Darts method(*space, {.relaxed = {.seed = 1, .device = test::kCuda}});
  for (std::uint64_t step = 0; step < 3; ++step) {
    const nas::Score score =
        method.step(noise_batch(2 * step), noise_batch(2 * step + 1), {.number = step, .total = 3, .lr = 0.01});
    BOOST_TEST(score.mean_loss() > 0.0);
  }
}

OCKHAM_CUDA_TEST(steps_of_a_training_touch_what_their_kernels_name) {
  const Names names;
  Initial initial{.seed = 2, .device = test::kCuda};
  nas::EvaluationNetwork net(nas::load_genotype("DARTS_V2"), test::tiny_evaluation(), initial);
  nas::Trainer trainer(net, {});
  net.set_drop_probability(0.1);
  for (std::uint64_t step = 0; step < 4; ++step)
    BOOST_TEST(trainer.step(noise_batch(step), 0.05, step).mean_loss() > 0.0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
