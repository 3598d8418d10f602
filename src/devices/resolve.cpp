// What a request for a device may be: an id, a name as people say it, a part of either, a plain size or a card of one;
// and how many of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/devices/catalogue.h"
#include "src/devices/names.h"
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

std::string_view skip_spaces(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

std::string_view without_spaces_behind(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" -(") + 1);
}

struct Counted {
  std::uint32_t count = 1;
  std::string rest;
};

// "2x rtx-4090", "2xrtx-4090", "2 x rtx-4090": nothing for a text that does not begin with a count. The count is 0 where
// it is none that a device may have.
std::optional<Counted> count_before(std::string_view text) {
  const std::string_view number = text.substr(0, text.find_first_not_of(kDigits));
  const std::string_view rest = skip_spaces(text.substr(number.size()));
  if (number.empty() || !rest.starts_with('x')) return std::nullopt;
  const auto count = parse_uint(number);
  const bool possible = count && *count <= kMaxDevices;
  return Counted{possible ? static_cast<std::uint32_t>(*count) : 0, std::string(skip_spaces(rest.substr(1)))};
}

// "3090x2", "rtx-3090 x 2", "rtx 3090 (x2)", "3090 2x"
std::optional<Counted> count_behind(std::string_view text) {
  if (text.ends_with(')')) text.remove_suffix(1);
  const bool x_behind =
      text.size() > 1 && text.ends_with('x') && kDigits.find(text[text.size() - 2]) != std::string::npos;
  if (x_behind) text.remove_suffix(1);
  const std::size_t begin = text.find_last_not_of(kDigits) + 1;
  const auto count = parse_uint(text.substr(begin));
  std::string_view rest = without_spaces_behind(text.substr(0, begin));
  if (!x_behind) {
    if (!rest.ends_with('x')) return std::nullopt;
    rest = without_spaces_behind(rest.substr(0, rest.size() - 1));
  }
  if (!count || *count == 0 || *count > kMaxDevices || rest.empty()) return std::nullopt;
  return Counted{static_cast<std::uint32_t>(*count), std::string(rest)};
}

struct CountWord {
  std::string_view word;
  std::uint32_t count;
};
constexpr auto kCountWords = std::to_array<CountWord>({
    {"dual", 2},
    {"double", 2},
    {"twin", 2},
    {"two", 2},
    {"pair", 2},
    {"triple", 3},
    {"three", 3},
    {"quad", 4},
    {"four", 4},
    {"five", 5},
    {"six", 6},
    {"seven", 7},
    {"eight", 8},
});

// "dual 3090", "a pair of 3090s", "2 rtx-3090"
std::optional<Counted> count_word_before(std::string_view text) {
  constexpr std::uint64_t kMost = 64;  // a larger number is part of a name
  if (text.starts_with("a ")) text.remove_prefix(2);
  const std::string_view first = text.substr(0, text.find_first_of(" -"));
  const std::string_view rest = skip_spaces(text.substr(std::min(first.size() + 1, text.size())));
  const auto row = std::ranges::find(kCountWords, first, &CountWord::word);
  const auto count = row == kCountWords.end() ? parse_uint(first) : std::optional<std::uint64_t>(row->count);
  if (!count || *count == 0 || *count > kMost || rest.empty()) return std::nullopt;
  return Counted{static_cast<std::uint32_t>(*count), std::string(rest)};
}

std::string joined(const std::vector<std::string>& words, char separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

template <typename Matches>
const Device* only(const std::vector<const Device*>& found, const Matches& matches) {
  const auto first = std::ranges::find_if(found, matches);
  if (first == found.end() || std::any_of(first + 1, found.end(), matches)) return nullptr;
  return *first;
}

// The single device among several whose id is a part and one word before it: "spark" is dgx-spark.
const Device* only_ending_in(const std::vector<const Device*>& found, const std::string& part) {
  return only(found, [&](const Device* device) {
    return device->count == 1 && device->id.ends_with('-' + part) &&
           device->id.find('-') + part.size() + 1 == device->id.size();
  });
}

const Device* only_beginning_with(const std::vector<const Device*>& found, const std::string& part) {
  return only(found, [&](const Device* device) { return device->id.starts_with(part); });
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
  const std::string name = unbranded(asked);
  std::vector<std::pair<std::size_t, const Device*>> near;
  for (const Device& device : devices) {
    const std::size_t distance = std::min(edit_distance(asked, device.id), edit_distance(name, unbranded(device.id)));
    if (distance <= std::max<std::size_t>(1, name.size() / 3)) near.emplace_back(distance, &device);
  }
  std::ranges::stable_sort(near, {}, &std::pair<std::size_t, const Device*>::first);
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(near.size(), 3); ++i)
    text += (i == 0 ? "" : ", ") + near[i].second->id;
  return text;
}

// The device that one id, a name or a part of either names.
const Device& choose(const Catalogue& catalogue, std::string_view asked) {
  const std::string part = joined(lower_words(asked), '-');
  const auto exact = std::ranges::find(catalogue.devices(), part, &Device::id);
  if (exact != catalogue.devices().end()) return *exact;

  const NamedDevices named = devices_named(catalogue.devices(), asked);
  if (named.other_size && !named.devices.empty()) {
    throw UsageError(fmt::format("no such device of that size; there is {}", list_of(named.devices)));
  }
  const std::vector<const Device*> found = named.devices.empty() ? catalogue.search(asked) : named.devices;
  if (found.size() == 1) return *found.front();
  if (found.empty()) {
    const std::string near = nearest(catalogue.devices(), part);
    throw UsageError("no such device; " + (near.empty() ? "" : "did you mean " + near + "? ") +
                     "'weigh devices' lists them all, and a size such as 24GiB works too");
  }
  const bool has_number = part.find_first_of(kDigits) != std::string::npos;  // "rtx-6000" is many a card's end
  const Device* ending = has_number ? nullptr : only_ending_in(found, part);
  if (ending != nullptr) return *ending;
  // What is no whole word begins an id at least: "m1-16" is m1-16gb, not ipad-pro-m1-16gb.
  const Device* beginning = named.devices.empty() ? only_beginning_with(found, part) : nullptr;
  if (beginning != nullptr) return *beginning;
  throw UsageError(fmt::format("{} devices match: {}; name one in full", found.size(), list_of(found)));
}

// A plain size or a card of one. "6800m" is a laptop's card, "512m" a size.
std::optional<Device> sized(const Catalogue& catalogue, std::string_view text) {
  const auto size = split_size(text);
  const bool may_be_name = size && size->unit->written == "m";
  if (may_be_name && !devices_named(catalogue.devices(), text).devices.empty()) return std::nullopt;
  std::optional<Device> device = device_of_size(text);
  return device ? device : card_of_size(text);
}

bool is_known(const Catalogue& catalogue, std::string_view text) {
  if (sized(catalogue, text)) return true;
  const NamedDevices named = devices_named(catalogue.devices(), text);
  return !named.devices.empty() && !named.other_size;
}

// A count that is part of a name is none: it counts where the whole text is no device and the rest is.
Counted split_count(const Catalogue& catalogue, const std::string& text) {
  const Counted whole{1, text};
  if (is_known(catalogue, text)) return whole;
  const auto before = count_before(text);
  if (before && (before->rest.empty() ? before->count > 0 : is_known(catalogue, before->rest))) return *before;
  if (const auto behind = count_behind(text)) {
    const bool known = is_known(catalogue, behind->rest);
    // The x may be the name's own: "mi300x8". Where it may be either, as in "7900xtx2", neither is guessed.
    const Counted with_x{behind->count, behind->rest + 'x'};
    const bool known_with_x = text.starts_with(with_x.rest) && is_known(catalogue, with_x.rest);
    const bool is_number = kDigits.find(behind->rest.back()) != std::string_view::npos;  // no x of "rtx 2050"
    if (known && !known_with_x) return *behind;
    if (!known && known_with_x && is_number) return with_x;
  }
  const auto word = count_word_before(text);
  if (word && is_known(catalogue, word->rest)) return *word;
  return before && before->count > 0 ? *before : whole;
}

// In lower case, words parted by one space, with a plain x for a sign of multiplication.
std::string normalised(std::string_view request) {
  std::string text = joined(lower_words(without_labels(request)), ' ');
  for (const std::string_view sign : {"\xC3\x97", "*"}) {
    for (std::size_t at = text.find(sign); at != std::string::npos; at = text.find(sign)) {
      text.replace(at, sign.size(), "x");
    }
  }
  return text;
}

}  // namespace

Device Catalogue::resolve(std::string_view request) const {
  const std::string asked = normalised(request);
  try {
    if (asked.empty()) throw UsageError("names no device");
    if (const Device* exact = find(asked)) return *exact;
    const Counted counted = split_count(*this, asked);
    if (counted.count == 0) throw UsageError("found a count that is not a whole number from 1 to 4096");
    if (counted.rest.empty()) throw UsageError("found a count without a device");
    std::optional<Device> size = sized(*this, counted.rest);
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
