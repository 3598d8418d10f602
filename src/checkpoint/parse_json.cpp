#include "src/checkpoint/parse_json.h"

#include <nlohmann/json.hpp>

namespace weigh::core {

std::shared_ptr<nlohmann::json> parse_json(std::string_view text, std::size_t* fault) {
  try {
    return std::make_shared<nlohmann::json>(nlohmann::json::parse(text));
  } catch (const nlohmann::json::parse_error& error) {
    if (fault != nullptr) *fault = error.byte;
    return nullptr;
  } catch (const nlohmann::json::out_of_range&) {  // "1e999"
    if (fault != nullptr) *fault = 0;
    return nullptr;
  }
}

}  // namespace weigh::core
