#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/quantize/quantization_name.h"  // quantization_title(model), for the title of a report
#include "src/report/report.h"

namespace weigh::core {

// What a report says of a model, in words, before it is text or markdown. All strings are unescaped.

/// "GGUF v3, llama, mixture of experts"; "safetensors in 19 files, ..."; "estimate, no file".
std::string kind_of(const Model& model);

/// One labelled line: {"weights", "24.62 GiB (26,440,753,152 bytes), 4.53 bits per weight"}.
struct SummaryLine {
  std::string_view label;
  std::string text;
};
std::vector<SummaryLine> summary_lines(const Model& model, bool verbose);

/// "diffusers pipeline of 4 models", "language model with its projector".
std::string pipeline_kind_text(const PipelineReport& report);

/// "diffusers", "projector": the word of JSON.
std::string_view pipeline_kind_name(PipelineKind kind);

/// What of it may wait in host memory: "encoders", "projector".
std::string_view on_host_name(PipelineKind kind);

/// Parameters and weights of all of it.
std::vector<SummaryLine> summary_lines(const PipelineReport& report);

/// A row of its table of devices: "rtx-4090, all at once".
struct DeviceRow {
  std::string label;
  const Fit* fit;
};
std::vector<DeviceRow> device_rows(const PipelineReport& report);

/// Which components are not there; empty when all are.
std::string missing_text(const PipelineReport& report);

/// Sums over the files: header + tensors + padding - missing - shared == file.
struct FileSum {
  std::uint64_t file = 0, header = 0, tensors = 0, padding = 0, missing = 0, shared = 0;
};
FileSum file_sum(const Model& model);

/// "24.63 GiB = header 0.7 MiB + tensors 24.62 GiB + padding 1.2 KiB", every byte where `exact`.
std::string file_sum_text(const Model& model, bool exact);

/// How much of the model is not there: "3.80 GiB of 3.80 GiB are missing; ..."; empty when all of it is.
std::string missing_text(const Model& model);

/// "as stored 24.62 GiB", "int4 21.75 GiB", ...: parameters x bytes per parameter. Empty without parameters.
std::vector<std::string> what_if(const Model& model);

/// "2x rtx-4090", as it was asked for.
std::string device_label(const Device& device);

/// Why the verdict is what it is, with the rule of the budget where `full`.
std::string words_of(const Fit& fit, bool full);

/// What `need` is made of and what it leaves out: the line under the devices.
std::string need_note(const ModelReport& report);

/// A finding without its severity: file, where there are several, byte and sentence.
std::string finding_text(const Finding& finding, const Model& model);

/// "PATH: byte 0x1a4: sentence" or "PATH is empty": escaped, unlike the others.
std::string failure_line(const Failure& failure);

}  // namespace weigh::core
