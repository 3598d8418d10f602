// What hides in names, and sizes that nothing holds.

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "formats/error.h"
#include "formats/names.h"
#include "src/audit/checks.h"
#include "src/audit/look.h"

namespace weigh {

namespace {

// One name of the model or its folder, and what it is a name of.
struct SeenName {
  std::string_view kind;
  std::string_view name;
  Place place;
};

void each_name(const Audited& audited, const std::function<void(const SeenName&)>& take) {
  for (const std::string& name : names_in_question(audited)) take({"file", name, {.file = name}});
  if (audited.model == nullptr) return;
  for (const ModelFile& file : audited.model->checkpoint.files) {
    for (const MetadataEntry& entry : file.metadata.entries) {
      take({"key", entry.key, {.file = file.name, .offset = entry.offset}});
    }
    for (const Tensor& tensor : file.tensors) {
      take({"tensor", tensor.name, {.file = file.name, .tensor = std::string(tensor.name)}});
    }
  }
}

bool has_control(std::string_view name) {
  return std::ranges::any_of(name, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// What cannot be seen or turns the order of letters round: U+061C, U+200B to U+200F, U+202A to U+202E, U+2066 to
// U+2069.
bool has_invisible(std::string_view name) {
  const auto byte = [&](std::size_t i) { return i < name.size() ? static_cast<unsigned char>(name[i]) : 0U; };
  for (std::size_t i = 0; i + 1 < name.size(); ++i) {
    if (byte(i) == 0xd8 && byte(i + 1) == 0x9c) return true;
    if (byte(i) != 0xe2) continue;
    const unsigned last = byte(i + 2);
    if (byte(i + 1) == 0x80 && ((last >= 0x8b && last <= 0x8f) || (last >= 0xaa && last <= 0xae))) return true;
    if (byte(i + 1) == 0x81 && last >= 0xa6 && last <= 0xa9) return true;
  }
  return false;
}

void check_names(const Audited& audited, bool (*wrong)(std::string_view), std::string_view words, const Alarm& alarm) {
  each_name(audited, [&](const SeenName& seen) {
    if (!wrong(seen.name)) return;
    alarm.raise(fmt::format("the name of {} {} {}", seen.kind, quote(seen.name), words), seen.place);
  });
}

}  // namespace

void check_control_character(const Audited& audited, const Alarm& alarm) {
  check_names(audited, has_control, "holds control characters", alarm);
}

void check_bidi_override(const Audited& audited, const Alarm& alarm) {
  check_names(audited, has_invisible, "holds characters that cannot be seen or turn the order of letters round", alarm);
}

void check_invalid_utf8(const Audited& audited, const Alarm& alarm) {
  const auto wrong = [](std::string_view name) { return !is_utf8(name); };
  check_names(audited, wrong, "is not UTF-8", alarm);
}

void check_absurd_size(const Audited& audited, const Alarm& alarm) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 46U;  // 64 TiB: the largest model known has 2 TB
  constexpr std::uint64_t kMostTensors = 4'000'000;              // and 100,000 tensors
  const Model& model = *audited.model;
  for (const SeenTensor& seen : tensors_of(model)) {
    if (seen.tensor->bytes < kMostBytes) continue;
    alarm.raise(fmt::format("tensor {} claims {} bytes", quote(seen.tensor->name), seen.tensor->bytes),
                {.file = seen.file->name, .tensor = std::string(seen.tensor->name)});
  }
  if (model.weight_bytes >= kMostBytes) {
    alarm.raise(fmt::format("the tensors claim {} bytes together", model.weight_bytes));
  }
  if (model.tensors.size() > kMostTensors) alarm.raise(fmt::format("the model has {} tensors", model.tensors.size()));
}

}  // namespace weigh
