#include "apps/runs/folder/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "apps/cli/host.h"
#include "engine/atomic_file.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view kPrefix = "events.out.tfevents.";

// Wire types of protocol buffers.
constexpr std::uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
    table[byte] = crc;
  }
  return table;
}

template <class T>
std::string little_endian(T value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U)
    bytes += static_cast<char>(static_cast<unsigned char>(value | 0x80U));
  return bytes + static_cast<char>(static_cast<unsigned char>(value));
}

std::string key(std::uint32_t field, std::uint32_t wire_type) {
  return varint(field << 3U | wire_type);
}

std::string bytes_field(std::uint32_t field, std::string_view bytes) {
  return key(field, kBytes) + varint(bytes.size()) + std::string(bytes);
}

/// As TensorFlow stores checksums: one of data that hold checksums would be weak.
std::string masked_crc(std::string_view bytes) {
  return little_endian(std::rotr(crc32c(bytes), 15) + 0xA282EAD8U);
}

std::string wall_time_field(double seconds) {
  return key(1, kFixed64) + little_endian(std::bit_cast<std::uint64_t>(seconds));
}

/// Lines of metrics.jsonl hold what is not finite as text.
std::optional<double> number_of(const Json& value) {
  if (value.is_number())
    return value.get<double>();
  const double inf = std::numeric_limits<double>::infinity();
  if (value == "inf")
    return inf;
  if (value == "-inf")
    return -inf;
  return value == "nan" ? std::optional(std::numeric_limits<double>::quiet_NaN()) : std::nullopt;
}

template <class T>
T member_or(const Json& line, const char* name, T other) {
  const auto found = line.find(name);
  if (found == line.end())
    return other;
  if constexpr (std::same_as<T, std::string>)
    return found->is_string() ? found->template get<T>() : other;
  else if constexpr (std::same_as<T, double>)
    return found->is_number() ? found->template get<T>() : other;
  else
    return found->is_number_integer() && *found >= 0 ? found->template get<T>() : other;
}

/// Empty for what is no curve.
std::string tag_of(const std::string& field, const std::string& split) {
  constexpr std::array kPlace = {"v", "t", "split", "epoch", "step"};
  constexpr std::array kOfRun = {"lr", "img_s", "data_wait", "mem_mb"};
  if (std::ranges::find(kPlace, field) != kPlace.end())
    return "";
  if (std::ranges::find(kOfRun, field) != kOfRun.end())
    return split == "train" ? field : "";
  return field + "/" + split;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes)
    crc = (crc >> 8U) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU];
  return ~crc;
}

std::string event_record(std::string_view event) {
  const std::string length = little_endian(static_cast<std::uint64_t>(event.size()));
  return length + masked_crc(length) + std::string(event) + masked_crc(event);
}

std::string version_event(double wall_time) {
  return wall_time_field(wall_time) + bytes_field(3, "brain.Event:2");
}

std::string restart_event(double wall_time) {
  const std::string is_start = key(1, kVarint) + varint(1);  // SessionLog.status = START; the event's step is 0
  return wall_time_field(wall_time) + bytes_field(7, is_start);
}

std::optional<std::string> scalar_event(const Json& line) {
  const std::string split = member_or<std::string>(line, "split", "train");
  std::string values;
  for (const auto& [field, value] : line.items()) {
    const std::optional<double> number = number_of(value);
    const std::string tag = tag_of(field, split);
    if (!number || tag.empty())
      continue;
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(*number));
    values += bytes_field(1, bytes_field(1, tag) + key(2, kFixed32) + little_endian(bits));
  }
  if (values.empty())
    return std::nullopt;
  const std::uint64_t step = member_or<std::uint64_t>(line, "step", 0);
  return wall_time_field(member_or<double>(line, "t", 0.0)) + (step > 0 ? key(2, kVarint) + varint(step) : "") +
         bytes_field(5, values);
}

bool EventFile::is_name(const fs::path& path) {
  return path.filename().string().starts_with(kPrefix);
}

void EventFile::remove_all(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (is_name(entry.path()) && !entry.is_directory())
      found.push_back(entry.path());
  }
  for (const fs::path& path : found)
    fs::remove(path);
}

EventFile::EventFile(fs::path folder) {
  remove_all(folder);
  const double now = unix_seconds();
  path_ = std::move(folder) / concat(kPrefix, static_cast<std::int64_t>(now), '.', host_name(), '.', ::getpid());
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    fail("opening");
  write(event_record(version_event(now)) + event_record(restart_event(now)));
}

EventFile::~EventFile() {
  ::close(descriptor_);
}

void EventFile::append(const Json& line) {
  if (const auto event = scalar_event(line))
    write(event_record(*event));
}

void EventFile::write(const std::string& record) {
  for (std::size_t written = 0; written < record.size();) {
    const ssize_t count = ::write(descriptor_, record.data() + written, record.size() - written);
    if (count < 0 && errno != EINTR)
      fail("writing");
    written += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
}

void EventFile::fail(const char* what) const {
  const int error = errno;
  throw Error(concat("TensorBoard events: ", what, " ", path_.string(), " failed: ",
                     std::generic_category().message(error), "; ", write_remedy(error), ", or drop --tensorboard."));
}

}  // namespace ockham::apps
