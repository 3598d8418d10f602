#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "src/report/style.h"

namespace weigh::core {

/// A part of a sum. What is taken away is below 0.
struct ExplainedStep {
  std::string text;  ///< "28 layers x 2 x 4 KV heads x 128 x 32,768 tokens x 2 bytes", unescaped
  std::int64_t value = 0;
};

/// One figure as the sum it is: the steps add up to the value.
struct Explanation {
  std::string term;                    ///< "kv"
  std::string subject;                 ///< "KV cache of model.gguf on rtx-4090 in llama.cpp", unescaped
  std::optional<std::uint64_t> value;  ///< bytes, or parameters; absent where it is not known: no steps then
  bool is_bytes = true;
  std::vector<ExplainedStep> steps;
};

/// text or json.
void write_explanation(const Explanation& explanation, std::string_view format, const Style& style, std::ostream& out);

}  // namespace weigh::core
