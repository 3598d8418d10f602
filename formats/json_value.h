#pragma once

#include <simdjson.h>

#include <string>

namespace weigh::core {

/// What was found where another value was expected: "a string", "an object", or a number as it is written. Throws
/// simdjson_error when it is not JSON.
inline std::string found_json(simdjson::ondemand::value value) {
  using simdjson::ondemand::json_type;
  switch (value.type()) {
    case json_type::array: return "an array";
    case json_type::object: return "an object";
    case json_type::string: return "a string";
    case json_type::boolean: return "a boolean";
    case json_type::null: return "null";
    default: break;
  }
  constexpr std::size_t kMax = 40;  // digits; hostile numbers are longer
  std::string_view number = value.raw_json_token();
  number = number.substr(0, number.find_first_of(" \t\r\n"));
  return std::string(number.substr(0, kMax)) + (number.size() > kMax ? "..." : "");
}

}  // namespace weigh::core
