#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "src/checkpoint/checkpoint.h"

namespace weigh::core {

/// A value as a whole number that is not negative; 4.0 counts as 4. Nothing for everything else.
std::optional<std::uint64_t> unsigned_value(const nlohmann::json& value);

/// A list of such numbers, or a single one as a list of one. Null elements and false read as 0. Empty for everything
/// else.
std::vector<std::uint64_t> unsigned_values(const nlohmann::json& value);

/// The member of that name, by dots through objects ("ffn_config.moe_top_k"); null pointer when absent or null.
const nlohmann::json* member(const nlohmann::json& object, std::string_view path);

/// config.json with its language model's part: for each key the root is asked first, then `text_config`, `llm_config`,
/// `language_config`, `thinker_config.text_config`. A vision or audio tower's own numbers are never met.
class ConfigReader {
 public:
  /// `config` may be null and must outlive the reader.
  explicit ConfigReader(const nlohmann::json* config);

  /// The first of the keys, in their order, that any part of the config holds and that is not null.
  [[nodiscard]] const nlohmann::json* find(std::initializer_list<std::string_view> keys) const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::initializer_list<std::string_view> keys) const;
  /// The first of the keys that holds a number or a list of numbers.
  [[nodiscard]] std::vector<std::uint64_t> numbers(std::initializer_list<std::string_view> keys) const;
  [[nodiscard]] std::optional<double> real(std::initializer_list<std::string_view> keys) const;
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] std::string_view text(std::initializer_list<std::string_view> keys) const;  ///< empty when absent

 private:
  std::vector<const nlohmann::json*> parts_;
};

}  // namespace weigh::core
