// Names with characters that hide something, and sizes that cannot be real.

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "formats/error.h"
#include "formats/text.h"
#include "src/audit/audited_files.h"
#include "src/audit/checks.h"

namespace weigh::core {

namespace {

// A name of the model or its folder.
struct FoundName {
  std::string_view kind;  // "file", "key" or "tensor"
  std::string_view name;
  Location location;
};

void for_each_name(const AuditInput& input, const std::function<void(const FoundName&)>& visit) {
  for (const std::string& name : audited_names(input)) visit({"file", name, {.file = name}});
  const auto visit_file = [&](const ModelFile& file) {
    for (const MetadataEntry& entry : file.metadata.entries) {
      visit({"key", entry.key, {.file = file.name, .offset = entry.offset}});
    }
    for (const Tensor& tensor : file.tensors) {
      visit({"tensor", tensor.name, {.file = file.name, .tensor = std::string(tensor.name)}});
    }
  };
  if (input.model != nullptr) std::ranges::for_each(input.model->checkpoint.files, visit_file);
  // Some loaders take every file of the folder, whatever the index says.
  if (input.as_folder && input.left_out != nullptr) std::ranges::for_each(*input.left_out, visit_file);
}

bool has_control(std::string_view name) {
  return std::ranges::any_of(name, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// Invisible characters and those that reverse the order of letters: U+061C, U+200B to U+200F, U+202A to U+202E, U+2066
// to U+2069.
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

void check_names(const AuditInput& input, bool (*wrong)(std::string_view), std::string_view words,
                 const FindingReporter& reporter) {
  for_each_name(input, [&](const FoundName& found) {
    if (!wrong(found.name)) return;
    reporter.report(fmt::format("the name of {} {} {}", found.kind, quote(found.name), words), found.location);
  });
}

}  // namespace

void check_control_character(const AuditInput& input, const FindingReporter& reporter) {
  check_names(input, has_control, "holds control characters", reporter);
}

void check_bidi_override(const AuditInput& input, const FindingReporter& reporter) {
  check_names(input, has_invisible, "holds characters that cannot be seen or turn the order of letters round",
              reporter);
}

void check_invalid_utf8(const AuditInput& input, const FindingReporter& reporter) {
  const auto wrong = [](std::string_view name) { return !is_utf8(name); };
  check_names(input, wrong, "is not UTF-8", reporter);
}

void check_absurd_size(const AuditInput& input, const FindingReporter& reporter) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 46U;  // 64 TiB: the largest model known has 2 TB
  constexpr std::uint64_t kMaxTensors = 4'000'000;              // and 100,000 tensors
  const Model& model = *input.model;
  for (const TensorFacts& facts : model.tensors) {
    if (facts.tensor->bytes < kMaxBytes) continue;
    reporter.report(fmt::format("tensor {} claims {} bytes", quote(facts.tensor->name), facts.tensor->bytes),
                    {.file = facts.file->name, .tensor = std::string(facts.tensor->name)});
  }
  if (model.weight_bytes >= kMaxBytes) {
    reporter.report(fmt::format("the tensors claim {} bytes together", model.weight_bytes));
  }
  if (model.tensors.size() > kMaxTensors)
    reporter.report(fmt::format("the model has {} tensors", model.tensors.size()));
}

}  // namespace weigh::core
