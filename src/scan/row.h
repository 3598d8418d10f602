#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/fit/fit.h"
#include "src/model/model.h"
#include "src/quantize/quantization_name.h"

namespace weigh::core {

/// One model as a line of a list: what is sorted, filtered and summed up. A model just read and the same one from an
/// inventory or from another machine's lines have equal rows.
struct ScanRow {
  std::string path;
  std::string name;
  std::string format;  ///< "gguf", "safetensors"
  std::string store;   ///< whose store it is in: "huggingface", "ollama", "lmstudio"; empty for a plain folder
  std::string architecture;
  std::string kind;                         ///< what it is, where it is not a plain language model
  std::string dtype;                        ///< the quantization scheme, else the element type that holds most bytes
  std::vector<std::string> dtypes;          ///< every element type
  std::string quantization;                 ///< as people call it: "Q4_K_M", "AWQ 4-bit", "BF16"; may be empty
  std::string plan;                         ///< the file type behind a GGUF's: "Q4_K_M"; else the scheme, or empty
  std::optional<std::uint64_t> parameters;  ///< absent where the packing of the weights is not known
  std::optional<std::uint64_t> active;      ///< parameters per token
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
  bool header_only = false;  ///< a snapshot: the weights are elsewhere
  std::string first_error;   ///< its sentence; empty without errors
  std::optional<std::uint64_t> modified;  ///< seconds since 1970: when the youngest of its files was last written
  std::optional<std::uint64_t> used;      ///< likewise: when one of them was last read, as far as the system keeps that

  friend bool operator==(const ScanRow&, const ScanRow&) = default;
};

/// 128 bits each, in hex.
struct Identity {
  std::string tensors;
  std::string header;
};
Identity identity_of(const Checkpoint& checkpoint);

/// Seconds since 1970, the latest of several files.
struct FileTimes {
  std::optional<std::uint64_t> modified;
  std::optional<std::uint64_t> used;
};

/// Of the files that are there; absent where none is.
FileTimes times_of(std::span<const std::string> paths);

/// What a scan knows of a model besides the model itself.
struct ScanFacts {
  std::string_view store;  ///< store_name() of where it was found
  Identity identity;
  std::string weights;  ///< sha256 of the weights where they were read; empty elsewhere
  bool header_only = false;
  FileTimes times;
};

/// `fits` are those on the devices that were asked for, `named` is the model's named_quantization().
ScanRow row_of(const Model& model, const std::optional<NamedQuantization>& named, std::span<const Fit> fits,
               const ScanFacts& facts);

}  // namespace weigh::core
