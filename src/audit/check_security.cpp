// Is the model safe to load? Pickles, and files that are something else as well.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/error.h"
#include "formats/little_endian.h"
#include "src/audit/audited_files.h"
#include "src/audit/checks.h"
#include "src/audit/pickle.h"

namespace weigh::core {

namespace {

constexpr auto kPickleEndings = std::to_array<std::string_view>(
    {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".dill", ".pt2", ".model", ".data"});

bool ends_with_any(std::string_view name, std::span<const std::string_view> endings) {
  return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

std::vector<std::string> pickles_of(const AuditInput& input) {
  std::vector<std::string> pickles;
  if (!input.as_folder) return pickles;
  constexpr std::size_t kHead = 64UL * 1024;
  for (const std::string& name : input.every_name) {
    if (!ends_with_any(name, kPickleEndings)) continue;
    const auto head = read_head(*input.folder, name, kHead);
    if (head && begins_like_pickle(*head)) pickles.push_back(name);
  }
  return pickles;
}

// Readers of zip archives begin at the end-of-directory record, which leads to the directory.
bool ends_like_zip(ByteSource& source) {
  constexpr std::uint64_t kRecord = 22;
  constexpr std::uint64_t kMaxComment = 65535;
  if (source.available() < source.size() || source.size() < kRecord) return false;
  const std::uint64_t tail = std::min(source.size(), kRecord + kMaxComment);
  std::string text(static_cast<std::size_t>(tail), '\0');
  source.read(source.size() - tail, std::as_writable_bytes(std::span(text)));
  const auto number = [&](std::size_t at, std::size_t width) {
    return load_little_endian(std::string_view(text).substr(at, width));
  };
  for (std::size_t at = text.rfind("PK\x05\x06"); at != std::string::npos;
       at = at == 0 ? std::string::npos : text.rfind("PK\x05\x06", at - 1)) {
    if (text.size() - at < kRecord || number(at + 20, 2) != text.size() - at - kRecord) continue;
    const std::uint64_t record_at = source.size() - tail + at;
    const std::uint64_t directory = number(at + 12, 4);
    if (directory > record_at) continue;
    if (directory == 0) return number(at + 10, 2) == 0;  // an empty archive
    std::array<char, 4> first{};
    source.read(record_at - directory, std::as_writable_bytes(std::span(first)));
    if (std::string_view(first.data(), first.size()) == "PK\x01\x02") return true;
  }
  return false;
}

}  // namespace

void check_pickle_beside(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.has_models) return;
  for (const std::string& name : pickles_of(input)) {
    reporter.report(fmt::format("{} is a pickle: whoever loads it runs what is inside", quote(name)), {.file = name});
  }
}

void check_pickle_in_place(const AuditInput& input, const FindingReporter& reporter) {
  if (input.has_models) return;
  for (const std::string& name : pickles_of(input)) {
    reporter.report(fmt::format("{} is a pickle, and there are no other weights: whoever loads it runs what is inside",
                                quote(name)),
                    {.file = name});
  }
}

void check_polyglot(const AuditInput& input, const FindingReporter& reporter) {
  if (input.model == nullptr) return;
  for (const ModelFile& file : input.model->checkpoint.files) {
    const std::string_view header(reinterpret_cast<const char*>(file.header.data.get()),
                                  static_cast<std::size_t>(file.header.size));
    if (is_calling_pickle(header)) {
      reporter.report(fmt::format("{} begins as a pickle that calls something: another program may load it as one",
                                  quote(file.name)),
                      {.file = file.name, .offset = 0});
    }
    if (input.header_only) continue;
    try {
      if (ends_like_zip(*input.folder->open(file.name))) {
        reporter.report(
            fmt::format("{} ends as a zip archive does: another program may open it as one", quote(file.name)),
            {.file = file.name});
      }
    } catch (const Error&) {  // it has shrunk since, or cannot be unpacked
      continue;
    }
  }
}

}  // namespace weigh::core
