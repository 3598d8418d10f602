#pragma once

#include <span>
#include <string_view>

#include "src/verify/line_pattern.h"
#include "src/verify/log_builder.h"

namespace weigh::core {

/// A kind of line: how it is written, and what it says. A line is of the first kind that it matches in each table.
struct LineKind {
  std::string_view pattern;
  void (*take)(const Captures& found, LogBuilder& log);
};

std::span<const LineKind> llama_cpp_lines();
std::span<const LineKind> vllm_lines();

/// A line of llama-fit-params: a memory, and its model, context and compute in MiB. Only where such lines follow.
void take_summary_line(std::string_view line, LogBuilder& log);

/// What vLLM says of its settings: "max_seq_len=16000", "'max_model_len': 16000".
void take_vllm_settings(std::string_view line, LogBuilder& log);

/// The command that starts llama.cpp's programs or what runs them, where the line has one: its options.
void take_command_line(std::string_view line, LogBuilder& log);

}  // namespace weigh::core
