#pragma once
// Files that lie where a file of tensors should: a pointer or a web page in its place, another format, an empty copy.
#include <string>
#include <string_view>

namespace ockham {

/// How much of a file foreign_kind() looks at.
inline constexpr std::size_t kForeignFileBytes = 264;

/// What a file is that begins like this, and the remedy: "a Git LFS pointer, not the file itself; get that with
/// git lfs pull". Empty if nothing is known of it. Ask it of files that failed to parse: a sound one may begin alike.
std::string foreign_kind(std::string_view beginning);

}  // namespace ockham
