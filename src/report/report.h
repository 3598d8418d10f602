#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/fit/fit.h"
#include "src/fit/weigh.h"
#include "src/model/model.h"

namespace weigh::core {

/// One model with the devices it was held against.
struct ModelReport {
  Model model;
  std::vector<Fit> fits;        ///< one per device asked for, in that order
  bool common_devices = false;  ///< the devices were not asked for: machine formats leave them out
  /// Not read from a file but what its source would be in another GGUF type: the whole file's bytes.
  std::optional<std::uint64_t> predicted_file_bytes = std::nullopt;
  QuantizedChoices as_gguf = {};  ///< for the end of the report
};

/// What `weigh inspect`, `weigh fit` and `weigh estimate` report.
struct Report {
  std::vector<ModelReport> models;
  std::vector<Failure> errors;
};

}  // namespace weigh::core
