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
  bool common_devices = false;  ///< the devices were not asked for: CSV and lines leave them out
  /// Not read from a file but what its source would be in another GGUF type: the whole file's bytes.
  std::optional<std::uint64_t> predicted_file_bytes = std::nullopt;
  std::optional<ImatrixSize> predicted_with_imatrix = std::nullopt;  ///< where its size depends on such a matrix
  QuantizedChoices as_gguf = {};                                     ///< for the end of the report
};

enum class PipelineKind : std::uint8_t {
  Diffusers,  ///< the components of a diffusers pipeline
  Projector,  ///< a language model and its projector
};

/// Models that one program loads together, with one need for all of them.
struct PipelineReport {
  struct Part {
    std::string name;
    std::string path;
    std::uint64_t weight_bytes = 0;
  };
  std::string path;
  std::string name;
  PipelineKind kind = PipelineKind::Diffusers;
  std::vector<Part> parts;
  std::vector<std::string> missing;  ///< components whose weights are not there: the sums fall short by theirs
  std::optional<std::uint64_t> parameters = 0;  ///< absent where those of a part are unknown
  std::uint64_t weight_bytes = 0;
  std::vector<Fit> at_once;     ///< everything on the devices; one for each set that was asked for
  std::vector<Fit> on_host;     ///< with the encoders, or the projector, in host memory; for sets that have any
  bool common_devices = false;  ///< the devices were not asked for: CSV and lines leave them out
};

/// What `weigh inspect`, `weigh fit` and `weigh estimate` report.
struct Report {
  std::vector<ModelReport> models;
  std::vector<PipelineReport> pipelines;
  std::vector<Failure> errors;
};

}  // namespace weigh::core
