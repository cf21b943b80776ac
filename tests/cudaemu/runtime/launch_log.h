#pragma once
#include <string>

namespace emu {

/// Tells all LaunchLogs of something that runs on the device.
void log_launch(const std::string& name);

}  // namespace emu
