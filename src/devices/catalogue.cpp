#include "src/devices/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "formats/byte_source.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/devices/csv.h"
#include "src/devices/devices_csv.h"
#include "src/devices/names.h"
#include "src/devices/text.h"
#include "src/devices/units.h"

namespace weigh::core {

namespace {

struct KindName {
  DeviceKind kind;
  std::string_view name;
};

constexpr auto kKindNames = std::to_array<KindName>({
    {DeviceKind::DiscreteGpu, "discrete-gpu"},
    {DeviceKind::Accelerator, "accelerator"},
    {DeviceKind::AppleUnified, "apple-unified"},
    {DeviceKind::Unified, "unified"},
    {DeviceKind::Cpu, "cpu"},
    {DeviceKind::Phone, "phone"},
    {DeviceKind::Size, "size"},  // only from the command line
});

// Puts what a field says into the device, or throws a UsageError with what was expected instead. Never sees an empty
// field.
using ReadField = void (*)(Device&, std::string_view field);

[[noreturn]] void refuse(std::string_view field, std::string_view expected) {
  throw UsageError("found " + quote(field) + ", expected " + std::string(expected));
}

std::uint64_t number_between(std::string_view field, std::uint64_t least, std::uint64_t most,
                             std::string_view expected) {
  const bool whole = field.find('.') == std::string_view::npos;
  const auto number = whole ? parse_scaled(field, 1) : std::nullopt;
  if (!number || *number < least || *number > most) refuse(field, expected);
  return *number;
}

std::uint64_t memory_field(std::string_view field) {
  return number_between(field, 1, kMaxDeviceBytes, "a whole number of bytes from 1 to 2^50");
}

void read_id(Device& device, std::string_view field) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  if (!std::ranges::all_of(field, allowed)) refuse(field, "lower-case letters, digits and - . _");
  device.id = field;
}

void read_kind(Device& device, std::string_view field) {
  const auto row = std::ranges::find(kKindNames, field, &KindName::name);
  if (row == kKindNames.end() || row->kind == DeviceKind::Size) {
    refuse(field, "discrete-gpu, accelerator, apple-unified, unified, cpu or phone");
  }
  device.kind = row->kind;
}

void read_bandwidth(Device& device, std::string_view field) {
  constexpr std::uint64_t kGB = 1'000'000'000;  // bandwidths are decimal
  device.bandwidth_bytes_per_second = parse_scaled(field, kGB);
  if (device.bandwidth_bytes_per_second.value_or(0) == 0) refuse(field, "a number of GB per second above 0");
}

void read_count(Device& device, std::string_view field) {
  device.count = static_cast<std::uint32_t>(number_between(field, 1, kMaxDevices, "a whole number from 1 to 4096"));
}

void read_common(Device& device, std::string_view field) {
  if (field != "yes" && field != "no") refuse(field, "yes or no");
  device.common = field == "yes";
}

struct Column {
  std::string_view name;
  bool required;
  ReadField read;  // null: for people only
};

constexpr auto kColumns = std::to_array<Column>({
    {"id", true, read_id},
    {"name", false, [](Device& device, std::string_view field) { device.name = field; }},
    {"vendor", false, [](Device& device, std::string_view field) { device.vendor = field; }},
    {"kind", true, read_kind},
    {"memory_bytes", true, [](Device& device, std::string_view field) { device.memory_bytes = memory_field(field); }},
    {"memory_note", false, nullptr},
    {"bandwidth_GBps", false, read_bandwidth},
    {"year", false, nullptr},
    {"laptop", false, nullptr},
    {"source", false, nullptr},
    {"count", false, read_count},
    {"member", false, [](Device& device, std::string_view field) { device.member = field; }},
    {"limit_bytes", false, [](Device& device, std::string_view field) { device.limit_bytes = memory_field(field); }},
    {"limit_note", false, nullptr},
    {"common", false, read_common},
    {"aliases", false, [](Device& device, std::string_view field) { device.aliases = field; }},
});

std::vector<const Column*> read_heading(const CsvRecord& record) {
  std::vector<const Column*> columns;
  for (const std::string_view field : record.fields) {
    const auto column = std::ranges::find(kColumns, field, &Column::name);
    if (column == kColumns.end()) refuse(field, "a column of the catalogue, such as id, kind or memory_bytes");
    if (std::ranges::find(columns, &*column) != columns.end()) refuse(field, "each column once");
    columns.push_back(&*column);
  }
  for (const Column& column : kColumns) {
    if (column.required && std::ranges::find(columns, &column) == columns.end()) {
      throw UsageError(fmt::format("the first line names no column '{}'", column.name));
    }
  }
  return columns;
}

Device read_device(const CsvRecord& record, const std::vector<const Column*>& columns) {
  if (record.fields.size() != columns.size()) {
    throw UsageError(fmt::format("found {} fields, expected {}", record.fields.size(), columns.size()));
  }
  Device device;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column& column = *columns[i];
    const std::string_view field = record.fields[i];
    if (field.empty() && column.required) throw UsageError(fmt::format("'{}' is empty", column.name));
    if (field.empty() || column.read == nullptr) continue;
    try {
      column.read(device, field);
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("{}: {}", column.name, error.what()));
    }
  }
  if (device.limit_bytes.value_or(0) > device.memory_bytes) throw UsageError("limit_bytes is above memory_bytes");
  if (device.name.empty()) device.name = device.id;
  return device;
}

// Where a device stands among the others, and in which line of the file at hand: 0 for one of an earlier file.
struct Place {
  std::size_t index;
  std::size_t line;
};
using Places = std::unordered_map<std::string, Place>;

// A later file's device replaces an earlier one's.
void put(Device device, std::size_t line, std::vector<Device>& devices, Places& places) {
  const auto [place, is_new] = places.try_emplace(device.id, Place{devices.size(), line});
  if (is_new) return devices.push_back(std::move(device));
  Place& known = place->second;
  if (known.line != 0) throw UsageError(fmt::format("{} stands in line {} already", quote(device.id), known.line));
  known.line = line;
  devices[known.index] = std::move(device);
}

// `member`: the device that this one is made of; null where the catalogue has none.
std::string maker_of(const Device& device, const Device* member) {
  if (device.member.empty()) return device.vendor;
  if (member == nullptr) throw UsageError(fmt::format("member: no device {}", quote(device.member)));
  if (!member->member.empty()) {
    throw UsageError(fmt::format("member: {} is itself made of {}", quote(member->id), quote(member->member)));
  }
  return member->vendor;
}

// A user's file is a few lines; far beyond that it is some other file.
constexpr std::uintmax_t kMaxFileBytes = kMiB;

std::string read_text(const std::filesystem::path& path) {
  try {
    FileSource file(path.string());
    if (file.size() > kMaxFileBytes) throw UsageError(path.string() + ": larger than 1 MiB, not a list of devices");
    std::string text(static_cast<std::size_t>(file.size()), '\0');
    file.read(0, std::as_writable_bytes(std::span(text)));
    return text;
  } catch (const IoError& error) {
    throw UsageError(path.string() + ": the list of devices cannot be read: it " + error.what());
  }
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string_view kind_name(DeviceKind kind) { return std::ranges::find(kKindNames, kind, &KindName::kind)->name; }

Catalogue Catalogue::built_in() {
  Catalogue catalogue;
  catalogue.add(devices_csv(), "devices.csv");
  return catalogue;
}

const Device* Catalogue::find(std::string_view id) const {
  const auto device = std::ranges::find(devices_, id, &Device::id);
  return device == devices_.end() ? nullptr : &*device;
}

void Catalogue::add(std::string_view csv, const std::string& origin) {
  std::vector<Device> next = devices_;
  Places places;
  for (std::size_t i = 0; i < next.size(); ++i) places.try_emplace(next[i].id, Place{i, 0});
  CsvReader reader(csv);
  std::size_t line = 0;  // 0 while the CSV reader speaks, which names its line itself
  const auto read = [&] {
    line = 0;
    const CsvRecord* record = reader.next();
    if (record != nullptr) line = record->line;
    return record;
  };
  try {
    const CsvRecord* record = read();
    if (record == nullptr) throw UsageError("empty, expected a first line with the names of the columns");
    const auto columns = read_heading(*record);
    for (record = read(); record != nullptr; record = read()) put(read_device(*record, columns), line, next, places);
    // A member may stand in a later line, so makers are known only now. At fault is the device's own line or, where the
    // file replaced a member of a device it doesn't mention, the member's.
    for (Device& device : next) {
      line = places.at(device.id).line;
      const auto member = places.find(device.member);
      if (line == 0 && member != places.end()) line = member->second.line;
      device.maker = maker_of(device, member == places.end() ? nullptr : &next[member->second.index]);
    }
  } catch (const UsageError& error) {
    const std::string where = line == 0 ? origin : fmt::format("{}: line {}", origin, line);
    throw UsageError(where + ": " + error.what());
  }
  devices_ = std::move(next);
}

std::vector<const Device*> Catalogue::search(std::string_view query) const {
  const std::vector<std::string> words = lower_words(query);
  std::vector<const Device*> found;
  for (const Device& device : devices_) {
    const std::string text = lower(device.id) + '\n' + lower(device.name);
    const auto occurs = [&](const std::string& word) { return text.find(word) != std::string::npos; };
    if (std::ranges::all_of(words, occurs)) found.push_back(&device);
  }
  if (found.empty()) found = devices_named(devices_, query).devices;
  return found;
}

std::string config_path(std::string_view name) {
  if (const std::string config = environment("XDG_CONFIG_HOME"); !config.empty()) {
    return std::filesystem::path(config) / "weigh" / name;
  }
  if (const std::string home = environment("HOME"); !home.empty()) {
    return std::filesystem::path(home) / ".config" / "weigh" / name;
  }
  return {};
}

Catalogue load_catalogue() {
  Catalogue catalogue = Catalogue::built_in();
  // A file that was asked for must be there; the usual place may be empty.
  if (const std::string asked = environment("WEIGH_DEVICES"); !asked.empty()) {
    catalogue.add(read_text(asked), asked);
    return catalogue;
  }
  const std::string usual = config_path("devices.csv");
  std::error_code error;
  if (!usual.empty() && std::filesystem::exists(usual, error)) catalogue.add(read_text(usual), usual);
  return catalogue;
}

}  // namespace weigh::core
