#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/devices/budget.h"
#include "src/report/fit_words.h"
#include "src/report/json.h"
#include "src/report/listings.h"
#include "src/report/table.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

Table device_table(const std::vector<const Device*>& devices, bool with_reason) {
  Table table{{{"id"}, {"memory", Unit::Size}, {"limit", Unit::Size}, {"safe", Unit::Size}, {"name"}}, {}};
  if (with_reason) table.columns.push_back({"rule"});
  for (const Device* device : devices) {
    const Budget budget = budget_of(*device);
    auto& row =
        table.rows.emplace_back(std::vector<Cell>{device->id, budget.memory, budget.limit, budget.safe, device->name});
    if (with_reason) row.emplace_back(budget_text(budget));
  }
  return table;
}

/// The columns of the JSON.
Table device_facts(const std::vector<const Device*>& devices) {
  Table table{{{"id"},
               {"name"},
               {"vendor"},
               {"kind"},
               {"count"},
               {"memory_bytes"},
               {"limit_bytes"},
               {"budget_bytes"},
               {"bandwidth_bytes_per_second"}},
              {}};
  for (const Device* device : devices) {
    const Budget budget = budget_of(*device);
    table.rows.push_back({device->id, device->name, device->vendor, std::string(kind_name(device->kind)),
                          std::uint64_t{device->count}, budget.memory, budget.limit, budget.safe,
                          cell(device->bandwidth_bytes_per_second)});
  }
  return table;
}

void write_devices_json(const std::vector<const Device*>& devices, std::ostream& out) {
  std::vector<Json> rows;
  JsonText text;
  for (const Device* device : devices) {
    const Budget budget = budget_of(*device);
    const auto& bandwidth = device->bandwidth_bytes_per_second;
    rows.push_back({{"id", text(device->id)},
                    {"name", text(device->name)},
                    {"vendor", text(device->vendor)},
                    {"kind", kind_name(device->kind)},
                    {"count", device->count},
                    {"memory_bytes", budget.memory},
                    {"limit_bytes", budget.limit},
                    {"budget_bytes", budget.safe},
                    {"bandwidth_bytes_per_second", bandwidth ? Json(*bandwidth) : Json()},
                    {"reason", text(budget_text(budget))}});
  }
  write_document_with_rows({{"schema", "weigh.devices/1"}, {"devices", nullptr}}, "devices", rows, out);
}

}  // namespace

std::vector<const Device*> devices_matching(const Catalogue& catalogue, std::string_view query) {
  if (!query.empty()) return catalogue.search(query);
  std::vector<const Device*> all;
  for (const Device& device : catalogue.devices()) all.push_back(&device);
  return all;
}

void write_devices(const std::vector<const Device*>& devices, std::string_view format, const Style& style,
                   std::ostream& out) {
  if (format == "json") return write_devices_json(devices, out);
  if (format == "csv") return write_csv_table(device_facts(devices), out);
  if (format == "markdown") return write_markdown_table(device_table(devices, true), out);
  if (devices.empty()) return;
  write_text_table(device_table(devices, style.verbose), style, false, out);
  if (!style.quiet) {
    const bool measured = std::ranges::any_of(devices, [](const Device* device) { return device->limit_is_free; });
    out << "\nlimit: " << (measured ? "what is free now" : "what the driver lets one process use")
        << "; safe: what weigh plans for; of several devices, each one's\n";
  }
}

}  // namespace weigh::core
