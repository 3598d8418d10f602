#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace weigh::core {

/// The JSON of a small file beside the weights. Null when the text is not JSON or has a number that no double holds;
/// `fault` is then the byte, from 1, where it stops being JSON, or 0.
std::shared_ptr<nlohmann::json> parse_json(std::string_view text, std::size_t* fault = nullptr);

}  // namespace weigh::core
