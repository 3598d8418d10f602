#include <sstream>

#include "formats/error.h"
#include "src/report/writers.h"

// The whole line from bytes to text: what a reader lets through, the layers behind it must survive.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    weigh::core::MemorySource source(std::as_bytes(std::span(data, size)));
    weigh::core::Checkpoint checkpoint;
    checkpoint.files.push_back(weigh::core::read_model_file(source, "fuzz"));
    checkpoint.file_paths.emplace_back("fuzz");
    weigh::core::Report report;
    report.models.push_back({weigh::core::describe(std::move(checkpoint)), {}, false});
    for (const weigh::core::ReportWriter& writer : weigh::core::report_writers()) {
      std::ostringstream out;
      writer.write(report, {}, out);
    }
  } catch (const weigh::core::Error&) {
  }
  return 0;
}
