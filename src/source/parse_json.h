#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace weigh::core {

class ByteSource;

/// What JSON of strangers may cost. A parsed value takes up to 60 times the bytes of its text, so both are bounded.
struct JsonLimits {
  std::size_t bytes;
  std::size_t values;  ///< members and elements, at all depths
};
/// config.json, Ollama's manifests and their like: real ones stay below 200 KB and 10,000 values.
inline constexpr JsonLimits kConfigJson{std::size_t{1} << 20U, 200'000};
/// tokenizer_config.json: Gemma 3's has 1.2 MB, 6,400 added tokens of 7 members each.
inline constexpr JsonLimits kTokenizerJson{std::size_t{4} << 20U, 400'000};
/// The list of a commit's files in the Hugging Face cache: 250 bytes and 5 values for each file.
inline constexpr JsonLimits kTreeJson{std::size_t{8} << 20U, 400'000};
/// A text in a header, which is in memory already: ComfyUI's statements on each layer.
inline constexpr JsonLimits kHeaderJson{std::size_t{16} << 20U, 400'000};
/// By the name of a file beside the weights.
const JsonLimits& json_limits_of(std::string_view file_name);
/// Levels within levels. Values are copied, compared and printed by calls within calls.
inline constexpr std::size_t kMaxJsonDepth = 128;

/// A text's JSON, or why there is none.
struct ParsedJson {
  std::shared_ptr<nlohmann::json> value;  ///< null when there is a problem
  std::string problem;  ///< "no valid JSON at byte 7", "nesting deeper than 128 levels": what was found instead

  [[nodiscard]] explicit operator bool() const { return value != nullptr; }
};

/// The only way into JSON that strangers wrote, but for the headers and indexes that are read as they stand.
ParsedJson parse_json(std::string_view text, const JsonLimits& limits);

/// What the text has more of than it may, as in ParsedJson::problem; empty when it keeps the limits. Its time is that of
/// one look at the bytes, and it takes no memory.
std::string json_excess(std::string_view text, const JsonLimits& limits);

/// The JSON of a whole file. Throws Error when it cannot be read; a file over the limit is a problem and is not read.
ParsedJson read_json(ByteSource& source, const JsonLimits& limits);

/// The text under a key; empty where the value is no object, or has no text there.
std::string text_in(const nlohmann::json& object, const char* key);

}  // namespace weigh::core
