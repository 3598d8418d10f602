#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/fit/candidate.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// Of keys and of values: "f16", "q8_0,f16".
std::string cache_type_text(Dtype key_type, Dtype value_type);
std::string cache_type_text(const Run& run);

/// What the rows of a cache are kept in.
struct CacheType {
  Dtype dtype = Dtype::F16;
  bool scale_per_head = false;  ///< as in Run

  friend bool operator==(const CacheType&, const CacheType&) = default;
};

/// By an engine's own name: "q8_0", "fp8_e5m2". Nothing for what no engine keeps a cache in.
std::optional<CacheType> cache_type_by_name(std::string_view name);
std::string cache_types_listed(std::optional<Engine> engine = std::nullopt);
bool takes_cache_type(Engine engine, CacheType type);

/// "llama-server -m model.gguf -c 4096 ...", to paste into a shell, with the lines before it that make the GGUF of a
/// checkpoint or of another type; for transformers a line of Python. Empty for what does not run.
std::string command_line(const Candidate& candidate, const Run& run, const DeviceSet& devices, const Fit& fit);

}  // namespace weigh::core
