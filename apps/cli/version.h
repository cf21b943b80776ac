#pragma once
// Which build this is.
namespace ockham::apps {

/// For example "0.1.0".
const char* version();
/// The Git commit of the last configuration, with "-dirty" where files differed from it; empty outside a repository.
const char* commit();

}  // namespace ockham::apps
