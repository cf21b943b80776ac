#include "engine/npy.h"

#include <bit>
#include <charconv>
#include <optional>

#include "engine/atomic_file.h"
#include "engine/input_file.h"

namespace ockham {
namespace {

static_assert(std::endian::native == std::endian::little, "the types written are little-endian, and so are the copies");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint32_t kMaxNpyHeader = 1 << 16;  // ours are 118 bytes; a file may not make us read much more

struct Type {
  std::string_view code;
  DType dtype;
};
constexpr Type kTypes[] = {
    {"<f4", DType::kFloat32}, {"<f8", DType::kFloat64}, {"<i8", DType::kInt64}, {"|u1", DType::kUInt8}};

/// Reads "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }", the Python literal that heads the data.
class DictReader {
 public:
  DictReader(const InputFile& file, std::string_view text) : file_(file), text_(text) {}

  Spec read() {
    expect('{');
    while (!is_next('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !dtype_)
        dtype_ = dtype();
      else if (key == "fortran_order" && !is_fortran_)
        is_fortran_ = boolean();
      else if (key == "shape" && !shape_)
        shape_ = tuple();
      else
        fail("a known key that occurs once");
      if (!is_next(','))
        break;
      expect(',');
    }
    expect('}');
    if (skip_spaces() != text_.size())
      fail("the end");
    if (!dtype_ || !is_fortran_ || !shape_)
      file_.refuse("the header lacks descr, fortran_order or shape.");
    if (*is_fortran_)
      file_.refuse("is in Fortran order; save numpy.ascontiguousarray(x).");
    try {
      return {Shape(*shape_), *dtype_};
    } catch (const ShapeError& e) {
      file_.refuse(e.what());
    }
  }

 private:
  std::size_t skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n'))
      ++at_;
    return at_;
  }
  bool is_next(char c) { return skip_spaces() < text_.size() && text_[at_] == c; }
  void expect(char c) {
    if (!is_next(c))
      fail(std::string_view(&c, 1));
    ++at_;
  }
  [[noreturn]] void fail(std::string_view wanted) const {
    file_.refuse("the header needs ", wanted, " at its byte ", at_, ".");
  }

  std::string_view quoted() {
    if (!is_next('\'') && !is_next('"'))
      fail("a quoted text");
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos)
      fail("a closing quote");
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }

  DType dtype() {
    const std::size_t begin = skip_spaces();
    const std::string_view code = quoted();
    for (const Type& type : kTypes) {
      if (type.code == code)
        return type.dtype;
    }
    at_ = begin;
    fail("one of '<f4', '<f8', '<i8' and '|u1'");
  }

  bool boolean() {
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(skip_spaces(), word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail("True or False");
  }

  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> sizes;
    expect('(');
    while (!is_next(')')) {
      std::int64_t size = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (error != std::errc())
        fail("a size below 2^63");
      at_ = static_cast<std::size_t>(end - text_.data());
      sizes.push_back(size);
      if (!is_next(','))
        break;
      expect(',');
    }
    expect(')');
    return sizes;
  }

  const InputFile& file_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<DType> dtype_;
  std::optional<bool> is_fortran_;
  std::optional<std::vector<std::int64_t>> shape_;
};

std::string_view code_of(DType dtype) {
  for (const Type& type : kTypes) {
    if (type.dtype == dtype)
      return type.code;
  }
  throw DTypeError(concat("npy: numpy has no ", dtype, "; convert with Tensor::to(DType::kFloat32) first."));
}

std::uint32_t header_length(InputFile& in) {
  const std::string start = in.read_text(kMagic.size() + 2);
  if (!start.starts_with(kMagic))
    in.refuse("does not begin with the bytes of an NPY file.");
  const int major = static_cast<unsigned char>(start[6]);
  const int minor = static_cast<unsigned char>(start[7]);
  if ((major != 1 && major != 2) || minor != 0)
    in.refuse("has format version ", major, ".", minor, "; this version reads 1.0 and 2.0.");
  std::uint32_t length = 0;
  in.read(std::as_writable_bytes(std::span(&length, 1)).first(major == 1 ? 2 : 4));
  if (length > kMaxNpyHeader)
    in.refuse("the header claims ", length, " bytes; the limit is ", kMaxNpyHeader, ".");
  return length;
}

}  // namespace

void save_npy(const std::filesystem::path& path, const Tensor& tensor) {
  const Tensor x = tensor.contiguous();
  std::string sizes;
  for (std::int64_t size : x.shape().sizes())
    sizes += concat(sizes.empty() ? "" : ", ", size);
  if (x.rank() == 1)
    sizes += ",";
  std::string header =
      concat("{'descr': '", code_of(x.dtype()), "', 'fortran_order': False, 'shape': (", sizes, "), }");
  // Spaces and a line break fill up to a multiple of 64, counting the 10 bytes before the header.
  header.append(63 - (header.size() + 10) % 64, ' ');
  header += '\n';
  const auto length = static_cast<std::uint16_t>(header.size());

  AtomicFile out(path);
  out.write(concat(kMagic, '\x01', '\x00'));
  out.write(std::as_bytes(std::span(&length, 1)));
  out.write(header);
  visit_dtype(x.dtype(), [&]<class T>() { out.write(std::as_bytes(x.span<T>())); });
  out.commit();
}

Tensor load_npy(const std::filesystem::path& path) {
  InputFile in("npy", path);
  const std::string header = in.read_text(header_length(in));
  const Spec spec = DictReader(in, header).read();
  const std::uint64_t item = size_of(spec.dtype);
  if (in.remaining() % item != 0 || in.remaining() / item != static_cast<std::uint64_t>(spec.shape.numel()))
    in.refuse("the header announces ", spec, " of ", item, " bytes an element, the file holds ", in.remaining(),
              " bytes of data.");
  Tensor tensor(spec);
  visit_dtype(spec.dtype, [&]<class T>() { in.read(std::as_writable_bytes(tensor.span<T>())); });
  return tensor;
}

}  // namespace ockham
