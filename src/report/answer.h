#pragma once

#include <string>
#include <vector>

#include "src/report/summary.h"
#include "src/report/text_writer.h"

namespace weigh::core {

// What a report begins with: the model in one line, and a line for each device.

/// "Mixtral-8x7B-v0.1.Q4_K_M.gguf   Q4_K_M   46.70 B, 12.88 B active   26.49 GiB"
void write_title(const Model& model, bool show_path, TextWriter& page);

/// "rtx-4090  fits  18.30 of 22.07 GiB  up to 40,960 tokens", and below them what the figures rest on.
void write_device_lines(const std::vector<DeviceRow>& devices, TextWriter& page);

/// Title, faults, devices, and the command that runs it.
void write_answer(const ModelReport& report, bool show_path, TextWriter& page);

/// One finding: its severity and its sentence.
void write_finding(const Finding& finding, const Model& model, TextWriter& page);

/// How many of the findings, errors first, stand at the top already.
std::size_t errors_on_top(const Model& model);

/// Likewise of models that are loaded together.
void write_pipeline(const PipelineReport& report, TextWriter& page);

}  // namespace weigh::core
