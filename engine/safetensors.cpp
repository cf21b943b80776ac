#include "engine/safetensors.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "engine/atomic_file.h"
#include "engine/foreign_file.h"
#include "engine/input_file.h"
#include "engine/safetensors_header.h"

namespace ockham {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian, and so are the copies here");

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference reader's limit

using Named = std::pair<std::string, Tensor>;

/// In the order of their data.
std::vector<Named> in_file_order(const TensorFile& file) {
  std::vector<Named> order;
  for (const auto& [name, tensor] : file.tensors) {
    if (name == kMetadataKey || !tensor)
      throw Error(concat("safetensors: tensor '", name, "' ", tensor ? "has a reserved name." : "is undefined."));
    order.emplace_back(name, tensor.contiguous());
  }
  std::ranges::stable_sort(order, std::ranges::greater{}, [](const Named& n) { return size_of(n.second.dtype()); });
  return order;
}

std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw Error(concat("safetensors: the text '", text, "' is not UTF-8."));
  }
}

std::string header_text(const std::vector<Named>& order, const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  std::string_view comma;
  if (!metadata.empty()) {
    text += concat("\"", kMetadataKey, "\":{");
    for (const auto& [key, value] : metadata)
      text += concat(std::exchange(comma, ","), quoted(key), ":", quoted(value));
    text += "}";
  }
  std::uint64_t end = 0;
  for (const auto& [name, tensor] : order) {
    const std::uint64_t begin = std::exchange(end, end + tensor.nbytes());
    text += concat(std::exchange(comma, ","), quoted(name), R"(:{"dtype":")", safetensors_name(tensor.dtype()),
                   R"(","shape":)", tensor.shape(), R"(,"data_offsets":[)", begin, ",", end, "]}");
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return visit_dtype(tensor.dtype(), [&]<class T>() { return std::as_bytes(tensor.span<T>()); });
}

std::span<std::byte> bytes_of(Tensor& tensor) {
  return visit_dtype(tensor.dtype(), [&]<class T>() { return std::as_writable_bytes(tensor.span<T>()); });
}

/// @throws CheckpointError with the rule broken, without the file's name
SafetensorsHeader header_of(InputFile& in) {
  std::uint64_t length = 0;
  if (in.size() < sizeof length)
    throw CheckpointError(concat("it ends after ", in.size(), " bytes, before its header does; it may be cut off."));
  in.read(std::as_writable_bytes(std::span(&length, 1)));
  if (length > kMaxHeader || length > in.remaining())
    throw CheckpointError(concat("the header claims ", length, " bytes; the file has ", in.remaining(),
                                 " left and the limit is ", kMaxHeader, "."));
  const std::string text = in.read_text(length);
  return parse_safetensors_header(text);
}

SafetensorsHeader read_header(InputFile& in) {
  const std::string beginning = in.read_text(std::min<std::uint64_t>(in.size(), kForeignFileBytes));
  in.seek(0);
  try {
    return header_of(in);
  } catch (const CheckpointError& e) {
    const std::string kind = foreign_kind(beginning);
    in.refuse(kind.empty() ? "" : "is " + kind + ". Read as safetensors: ", e.what());
  }
}

/// The ranges must cover [0, size) one after another.
void require_coverage(const InputFile& file, const SafetensorsHeader& header, std::uint64_t size) {
  std::vector<std::pair<std::string, TensorEntry>> order(header.entries.begin(), header.entries.end());
  std::ranges::sort(order, {}, [](const auto& e) { return std::pair(e.second.begin, e.second.end); });
  std::uint64_t covered = 0;
  for (const auto& [name, entry] : order) {
    if (entry.begin != covered)
      file.refuse("the data of tensor ", shown(name), " begin at ", entry.begin, ", but those before it end at ",
                  covered, "; ranges must have neither holes nor overlaps.");
    covered = entry.end;
  }
  if (covered != size)
    file.refuse("the tensors cover ", covered, " bytes of data, the file holds ", size, "; it may be cut off.");
}

}  // namespace

void save_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  const std::vector<Named> order = in_file_order(file);
  const std::string header = header_text(order, file.metadata);
  if (header.size() > kMaxHeader)
    throw Error(concat("safetensors: the header of ", path.string(), " would have ", header.size(),
                       " bytes, readers take at most ", kMaxHeader, "; save fewer tensors or less metadata."));
  const std::uint64_t length = header.size();
  AtomicFile out(path);
  out.write(std::as_bytes(std::span(&length, 1)));
  out.write(header);
  for (const auto& [name, tensor] : order)
    out.write(bytes_of(tensor));
  out.commit();
}

TensorFile load_safetensors(const std::filesystem::path& path) {
  InputFile in("safetensors", path);
  const SafetensorsHeader header = read_header(in);
  require_coverage(in, header, in.remaining());

  const std::uint64_t data = in.size() - in.remaining();
  TensorFile file{.tensors = {}, .metadata = header.metadata};
  for (const auto& [name, entry] : header.entries) {
    Tensor tensor(entry.spec);
    in.seek(data + entry.begin);
    in.read(bytes_of(tensor));
    file.tensors.emplace(name, std::move(tensor));
  }
  return file;
}

}  // namespace ockham
