#pragma once
// The standard descriptors, which whoever starts a program may have closed.
namespace ockham::apps {

/// Opens descriptors 0 to 2 where they are closed, so that no file of a run gets their number and the lines meant for
/// it. Reading 0 then finds the end, what is written to 2 is dropped, writing to 1 fails: results that nobody can get
/// must not look like success. Call it before anything opens a file.
void secure_standard_descriptors();

}  // namespace ockham::apps
