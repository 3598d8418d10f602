#include <nlohmann/json.hpp>

#include "formats/error.h"
#include "src/report/json_value.h"
#include "src/scan/stored_row.h"

using namespace weigh::core;

// A line that another scan printed, from anywhere: what is taken in is the same when it is written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto model = parse_model_line({reinterpret_cast<const char*>(data), size});
    const std::string line = dumped(model);
    const ScanRow row = row_from_line(line);
    check_counts(model);
    if (row_from_line(dumped(parse_model_line(line))) != row) __builtin_trap();
    if (row.active && row.parameters && *row.active > *row.parameters) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
