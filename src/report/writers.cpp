#include <fmt/core.h>

#include <array>

#include "src/report/report.h"
#include "src/report/text_format.h"

namespace weigh::core {

std::span<const ReportWriter> report_writers() {
  static constexpr std::array kWriters{
      ReportWriter{"text", write_text},         ReportWriter{"json", write_json},
      ReportWriter{"jsonl", write_json_lines},  ReportWriter{"csv", write_csv},
      ReportWriter{"markdown", write_markdown},
  };
  return kWriters;
}

std::string failure_line(const Failure& failure) {
  const std::string path = escaped(failure.path);
  const std::string message = escaped(failure.message);
  if (failure.offset) return fmt::format("{}: byte {:#x}: {}", path, *failure.offset, message);
  return fmt::format("{}{}{}", path, message.starts_with("is ") ? " " : ": ", message);  // "page.gguf is an HTML page"
}

}  // namespace weigh::core
