#include <fmt/core.h>

#include <array>

#include "src/report/report.h"
#include "src/report/words.h"

namespace weigh {

std::span<const ReportWriter> report_writers() {
  static constexpr std::array kWriters{
      ReportWriter{"text", write_text},
      ReportWriter{"json", write_json},
      ReportWriter{"csv", write_csv},
      ReportWriter{"markdown", write_markdown},
  };
  return kWriters;
}

std::string failure_line(const Failure& failure) {
  std::string line = escaped(failure.path) + ": ";
  if (failure.offset) line += fmt::format("byte {:#x}: ", *failure.offset);
  return line + escaped(failure.message);
}

}  // namespace weigh
