// What a request for a device may be: an id, a part of one, a count before either, or a plain size.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/devices/catalogue.h"
#include "src/devices/text.h"

namespace weigh::core {

namespace {

constexpr std::string_view kDigits = "0123456789";

// "24gib" as a device of that size; nothing when the text is not a size.
std::optional<Device> device_of_size(std::string_view text) {
  constexpr std::uint64_t kLeastUnit = 1'000'000;
  const auto size = split_size(text);
  if (!size || size->unit->bytes < kLeastUnit) return std::nullopt;

  const auto bytes = parse_scaled(size->number, size->unit->bytes);
  if (!bytes || *bytes == 0 || *bytes > kMaxDeviceBytes) {
    throw UsageError("found a size that is not a number above 0 and up to 1024TiB");
  }
  Device device;
  device.id = std::string(size->number) + std::string(size->unit->name);
  device.name = device.id;
  device.kind = DeviceKind::Size;
  device.memory_bytes = *bytes;
  device.limit_bytes = *bytes;
  return device;
}

struct Counted {
  std::uint32_t count = 1;
  std::string_view rest;
};

std::string_view skip_spaces(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

// "2x rtx-4090", "2xrtx-4090", "2 x rtx-4090"; a text without a count is one of itself.
Counted split_count(std::string_view text) {
  const std::string_view number = text.substr(0, text.find_first_not_of(kDigits));
  std::string_view rest = skip_spaces(text.substr(number.size()));
  if (number.empty() || !rest.starts_with('x')) return {1, text};
  rest = skip_spaces(rest.substr(1));
  const auto count = parse_scaled(number, 1);
  if (!count || *count == 0 || *count > kMaxDevices)
    throw UsageError("found a count that is not a whole number from 1 to 4096");
  if (rest.empty()) throw UsageError("found a count without a device");
  return {static_cast<std::uint32_t>(*count), rest};
}

std::string joined(const std::vector<std::string>& words, char separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

// The one device among several that a person means by a part of its id: the single device that ends in it ("4090" is no
// laptop and no pair of cards), or the only one that begins with it.
const Device* meant(const std::vector<const Device*>& found, const std::string& part) {
  const auto only = [&](const auto& matches) -> const Device* {
    const auto first = std::ranges::find_if(found, matches);
    if (first == found.end() || std::any_of(first + 1, found.end(), matches)) return nullptr;
    return *first;
  };
  const Device* ending =
      only([&](const Device* device) { return device->count == 1 && device->id.ends_with('-' + part); });
  return ending != nullptr ? ending : only([&](const Device* device) { return device->id.starts_with(part); });
}

std::string list_of(const std::vector<const Device*>& devices) {
  constexpr std::size_t kMax = 12;
  std::string text;
  for (std::size_t i = 0; i < std::min(devices.size(), kMax); ++i) text += (i == 0 ? "" : ", ") + devices[i]->id;
  if (devices.size() > kMax) text += fmt::format(" and {} more", devices.size() - kMax);
  return text;
}

std::string nearest(std::span<const Device> devices, const std::string& asked) {
  constexpr std::size_t kLongest = 64;  // no id comes near it
  if (asked.empty() || asked.size() > kLongest) return "";
  std::vector<std::pair<std::size_t, const Device*>> near;
  for (const Device& device : devices) {
    const std::size_t distance = edit_distance(asked, device.id);
    if (distance <= std::max<std::size_t>(1, asked.size() / 3)) near.emplace_back(distance, &device);
  }
  std::ranges::stable_sort(near, {}, &std::pair<std::size_t, const Device*>::first);
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(near.size(), 3); ++i)
    text += (i == 0 ? "" : ", ") + near[i].second->id;
  return text;
}

// The device that one id or a part of one names.
const Device& choose(const Catalogue& catalogue, std::string_view asked) {
  const std::vector<std::string> words = lower_words(asked);
  const std::string part = joined(words, '-');
  const auto exact = std::ranges::find(catalogue.devices(), part, &Device::id);
  if (exact != catalogue.devices().end()) return *exact;

  const std::vector<const Device*> found = catalogue.search(asked);
  if (found.size() == 1) return *found.front();
  if (found.empty()) {
    const std::string near = nearest(catalogue.devices(), part);
    throw UsageError("no such device; " + (near.empty() ? "" : "did you mean " + near + "? ") +
                     "'weigh devices' lists them all, and a size such as 24GiB works too");
  }
  if (const Device* device = meant(found, part)) return *device;
  throw UsageError(fmt::format("{} devices match: {}; name one in full", found.size(), list_of(found)));
}

}  // namespace

Device Catalogue::resolve(std::string_view request) const {
  const std::string asked = joined(lower_words(request), ' ');
  try {
    if (asked.empty()) throw UsageError("names no device");
    if (const Device* exact = find(asked)) return *exact;
    const Counted counted = split_count(asked);
    std::optional<Device> size = device_of_size(counted.rest);
    Device device = size ? *size : choose(*this, counted.rest);
    const auto count = checked_mul(device.count, counted.count);
    if (!count || *count > kMaxDevices) throw UsageError("found more than 4096 devices");
    device.count = static_cast<std::uint32_t>(*count);
    device.asked = counted.count;
    return device;
  } catch (const UsageError& error) {
    constexpr std::size_t kMax = 120;
    throw UsageError(fmt::format("{}: {}", request.substr(0, kMax), error.what()));
  }
}

}  // namespace weigh::core
