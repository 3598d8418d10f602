#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "src/report/json.h"

namespace weigh::core {

/// The value, or null.
template <typename T>
Json json_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace weigh::core
