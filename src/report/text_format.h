#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/devices/units.h"
#include "src/report/escape.h"
#include "src/report/text_layout.h"

namespace weigh::core {

// Numbers for people; sizes are human_bytes(). Escaping and layout come along: text needs all three.

/// "46.70 B", "125.3 M", "512".
std::string human_parameters(std::uint64_t parameters);
/// "unknown" where it is absent.
std::string human_parameters(std::optional<std::uint64_t> parameters);

/// Sizes of stores and of what is in them: "1.25 TiB", below 1024 GiB as human_bytes().
std::string disk_bytes(std::uint64_t bytes);

/// "5 h", "92 d", "3 y": how long ago, rounded down.
std::string age_text(std::uint64_t seconds);

/// "26,441,533,376".
std::string grouped(std::uint64_t number);
/// "unknown" where it is absent.
std::string grouped(std::optional<std::uint64_t> number);

/// "1 file", "19 files".
std::string counted(std::uint64_t number, std::string_view noun);

}  // namespace weigh::core
