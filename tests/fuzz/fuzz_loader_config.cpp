// A config that may name code: whatever is in it, the walk ends and what it says is bounded.

#include <array>
#include <nlohmann/json.hpp>

#include "src/audit/loader_code.h"
#include "src/source/parse_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weigh::core;
  constexpr std::array<std::string_view, 3> kNames{"config.json", "model_index.json", "modules.json"};
  const auto json = parse_json(std::string_view(reinterpret_cast<const char*>(data), size), kConfigJson);
  if (!json) return 0;
  for (const std::string_view name : kNames) {
    const auto found = find_loader_code(name, *json.value);
    if (found.size() > 16) __builtin_trap();
    for (const LoaderCode& code : found) {
      if (code.classes.empty() || code.classes.size() > 3) __builtin_trap();
    }
  }
  if (find_trust(*json.value).size() > 16) __builtin_trap();
  return 0;
}
