#pragma once

#include <cstdint>
#include <string_view>

namespace weigh::core {

/// What a finding or an error is about: a row of formats/finding_codes.inc.
enum class FindingCode : std::uint8_t {
#define CODE(name, text) name,
#include "formats/finding_codes.inc"
};

/// Kebab-case, as users see it: "tensor-overlap".
std::string_view name_of(FindingCode code);

}  // namespace weigh::core
