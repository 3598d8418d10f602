#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/checkpoint/checkpoint.h"

namespace weigh::core {

/// One model as a line of a list: what is sorted, filtered and summed up. Everything is taken from its MODEL of the
/// contract, so that a model just read, one from a database and one from another machine's lines are the same thing.
struct ScanRow {
  std::string path;
  std::string name;
  std::string format;  ///< "gguf", "safetensors"
  std::string store;   ///< whose store it lies in: "huggingface", "ollama", "lmstudio"; empty for a plain folder
  std::string architecture;
  std::string dtype;                ///< the quantization scheme, else the element type that holds most bytes
  std::vector<std::string> dtypes;  ///< every element type
  std::optional<std::uint64_t> parameters;
  std::optional<std::uint64_t> active;  ///< parameters per token
  std::optional<double> bits_per_weight;
  std::uint64_t weight_bytes = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t files = 0;
  std::optional<std::uint64_t> experts;
  std::uint64_t errors = 0;
  std::uint64_t warnings = 0;
  std::vector<std::pair<std::string, std::string>> verdicts;  ///< device and verdict, in the order they were asked for
  std::string tensors_id;    ///< the same for the same names, types and shapes; empty: not known
  std::string header_id;     ///< the same for the same header, metadata included, and file sizes
  std::string weights_id;    ///< the same for the same bytes of weights; empty unless they were read (--deep)
  bool header_only = false;  ///< a snapshot: no weights lie there
};

/// From a MODEL as weigh writes it; unknown keys are passed over. Throws FormatError when it is none.
ScanRow row_of(const nlohmann::ordered_json& model);

/// 128 bits each, in hex.
struct Identity {
  std::string tensors;
  std::string header;
};
Identity identity_of(const Checkpoint& checkpoint);

}  // namespace weigh::core
