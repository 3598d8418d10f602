#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "src/report/report.h"
#include "src/scan/inventory.h"

namespace weigh::core {

// The lines of JSON that a scan prints and an inventory keeps: a MODEL with the schema first.

enum class LineUse : std::uint8_t { Needed, NotNeeded };

/// The model's row and its line, which stays empty where it is not needed.
StoredModel stored_model(const ModelReport& report, const ScanFacts& facts, LineUse line = LineUse::Needed);

/// The line with the identity of the weights that were read after it was made. Throws FormatError when it is no line of
/// a scan.
std::string line_with_weights(const std::string& line, const std::string& weights_id);

/// The line as it is inside of an inspect document.
std::string without_schema(std::string_view line);

/// Takes the lines of another scan into the inventory; `path` is "-" for standard input. `bad_line` is told of those
/// that are none, counted from 1, and why. Returns how many they are. Throws IoError,
/// also when the file cannot be read to its end.
std::uint64_t load_lines(const std::string& path, Inventory& inventory,
                         const std::function<void(std::uint64_t number, const std::string& why)>& bad_line);

}  // namespace weigh::core
