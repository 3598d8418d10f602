// Is there code that a loader runs, or is asked to run?

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/error.h"
#include "formats/little_endian.h"
#include "src/audit/audited_files.h"
#include "src/audit/checks.h"
#include "src/audit/loader_code.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_code_name(std::string_view name) {
  constexpr auto kEndings =
      std::to_array<std::string_view>({".py", ".pyc", ".pyo", ".pyw", ".pyx", ".so", ".pyd", ".dll", ".dylib", ".sh",
                                       ".bash", ".bat", ".cmd", ".ps1", ".exe"});
  const std::string base = lower_case(std::string(base_name(name)));
  if (std::ranges::any_of(kEndings, [&](std::string_view ending) { return base.ends_with(ending); })) return true;
  // libtiny.so.1.2
  const auto versioned = base.rfind(".so.");
  return versioned != std::string::npos && base.find_first_not_of("0123456789.", versioned + 4) == std::string::npos;
}

// What runs though its name does not say so; nothing for other content.
std::string_view program_in(std::string_view head) {
  if (head.starts_with("\x7f"
                       "ELF"))
    return "an ELF program or library";
  if (head.starts_with("#!/") || head.starts_with("#! /")) return "a script";
  constexpr auto kMachO = std::to_array<std::string_view>(
      {"\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"});
  if (std::ranges::any_of(kMachO, [&](std::string_view magic) { return head.starts_with(magic); })) {
    return "a Mach-O program or library";
  }
  constexpr std::size_t kPlace = 0x3c;
  if (head.size() < kPlace + 4 || !head.starts_with("MZ")) return {};
  const std::uint64_t at = load_little_endian(head.substr(kPlace, 4));
  return at < head.size() && head.substr(at).starts_with(std::string_view("PE\0\0", 4)) ? "a Windows program or library"
                                                                                        : std::string_view();
}

// Loaders of GGUF run no code. Only folders that Python loads matter.
bool is_loaded_by_python(const AuditInput& input) {
  return std::ranges::any_of(input.every_name, [](const std::string& name) {
    return name.ends_with(".safetensors") || is_loader_config(base_name(name));
  });
}

// Whether a cache keeps the folder's files there: snapshots/COMMIT links to blobs.
bool is_own_cache(const fs::path& root, const fs::path& target) {
  return root.parent_path().filename() == "snapshots" && target.parent_path().filename() == "blobs" &&
         target.parent_path().parent_path() == root.parent_path().parent_path();
}

bool is_below(const fs::path& root, const fs::path& path) {
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

// Links below the folder whose target lies outside of it. Those that lead nowhere are another check's.
std::vector<std::pair<std::string, std::string>> links_outside(const std::string& folder) {
  constexpr std::size_t kMostEntries = 100'000;
  constexpr std::size_t kMostLinks = 1000;
  constexpr int kMostDepth = 32;
  std::vector<std::pair<std::string, std::string>> links;
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return links;
  std::size_t entries = 0;
  fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end;
       !error && entry != end && ++entries < kMostEntries && links.size() < kMostLinks; entry.increment(error)) {
    std::error_code unknown;
    if (entry.depth() >= kMostDepth || entry->path().filename() == ".git") entry.disable_recursion_pending();
    if (!entry->is_symlink(unknown)) continue;
    const fs::path target = fs::canonical(entry->path(), unknown);
    if (unknown || is_below(root, target) || is_own_cache(root, target)) continue;
    links.emplace_back(entry->path().lexically_relative(root).string(),
                       fs::read_symlink(entry->path(), unknown).string());
  }
  std::ranges::sort(links);
  return links;
}

}  // namespace

void check_auto_map(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder) return;
  for (const std::string& name : input.every_name) {
    if (!is_loader_config(base_name(name))) continue;
    const nlohmann::json json = read_json_file(*input.folder, name);
    for (const auto& [path, classes] : find_loader_code(base_name(name), json)) {
      reporter.report(fmt::format("{} has {} to {}: with trust_remote_code a loader runs that code", name, path,
                                  fmt::join(classes, ", ")),
                      {.file = name});
    }
  }
}

void check_trust_remote_code(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder) return;
  for (const std::string& name : input.every_name) {
    if (!is_loader_config(base_name(name))) continue;
    const nlohmann::json json = read_json_file(*input.folder, name);
    for (const std::string& path : find_trust(json)) {
      reporter.report(fmt::format("{} sets {}: a loader that obeys runs code without asking", name, path),
                      {.file = name});
    }
  }
}

void check_code_file(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder || !is_loaded_by_python(input)) return;
  constexpr std::size_t kHead = 1024;
  for (const std::string& name : input.every_name) {
    if (is_code_name(name)) {
      reporter.report(fmt::format("{} is code that a loader may be asked to run", quote(name)), {.file = name});
      continue;
    }
    if (is_weight_file(input, name)) continue;
    const auto head = read_head(*input.folder, name, kHead);
    const std::string_view program = head ? program_in(*head) : std::string_view();
    if (program.empty()) continue;
    reporter.report(fmt::format("{} is {}, which its name does not say", quote(name), program), {.file = name});
  }
}

void check_link_outside(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder || input.folder->path.empty() || !input.folder->places.empty()) return;
  for (const auto& [name, target] : links_outside(input.folder->path)) {
    reporter.report(fmt::format("{} is a link to {}, outside of the folder", quote(name), quote(target)),
                    {.file = name});
  }
}

}  // namespace weigh::core
