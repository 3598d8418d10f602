#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/model/model.h"

namespace weigh::core::test {

/// Checkpoints made in memory, as a reader would leave them: names and values live in the file's `unescaped`, shapes in
/// its `dims`. Header and data area themselves do not exist.
struct TensorSpec {
  std::string name;
  Dtype dtype = Dtype::BF16;
  std::vector<std::uint64_t> shape;  ///< outermost first
};

ModelFile file_of(Format format, const std::vector<TensorSpec>& specs);

std::shared_ptr<const nlohmann::json> json(std::string_view text);

/// `config` is the text of a config.json.
Checkpoint safetensors(const std::vector<TensorSpec>& specs, std::string_view config = {});

/// One GGUF key. Numbers become u32 or an array of u32, text a string, `strings` an array of that many empty strings.
struct KeySpec {
  std::string key;
  std::vector<std::uint32_t> numbers = {};
  std::string text = {};
  std::uint64_t strings = 0;
  std::optional<bool> flag = {};
};

void add_key(const KeySpec& spec, ModelFile& file);

Checkpoint gguf(const std::vector<TensorSpec>& specs, const std::vector<KeySpec>& keys);

/// Without the note on names that no pattern knows: many tests make theirs up.
inline std::vector<std::string> codes(const Model& model) {
  std::vector<std::string> codes;
  for (const Finding& finding : model.findings) {
    if (finding.code != FindingCode::UnknownRole) codes.emplace_back(name_of(finding.code));
  }
  return codes;
}

}  // namespace weigh::core::test
