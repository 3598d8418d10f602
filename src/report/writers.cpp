#include "src/report/writers.h"

#include <array>

namespace weigh::core {

std::span<const ReportWriter> report_writers() {
  static constexpr std::array kWriters{
      ReportWriter{"text", write_text},         ReportWriter{"json", write_json},
      ReportWriter{"jsonl", write_json_lines},  ReportWriter{"csv", write_csv},
      ReportWriter{"markdown", write_markdown},
  };
  return kWriters;
}

}  // namespace weigh::core
