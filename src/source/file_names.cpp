#include "src/source/file_names.h"

#include <algorithm>
#include <span>

#include "formats/text.h"

namespace weigh::core {

namespace {

constexpr auto kAdapterNames = std::to_array<std::string_view>(
    {"adapter_model.safetensors", "adapters.safetensors", "pytorch_lora_weights.safetensors"});
constexpr auto kOtherFrameworkNames =
    std::to_array<std::string_view>({"tf_model.h5", "flax_model.msgpack", "rust_model.ot"});
constexpr auto kPickleEndings = std::to_array<std::string_view>({".bin", ".pt", ".pth"});
constexpr auto kUnfinishedEndings = std::to_array<std::string_view>(
    {".incomplete", ".downloadInProgress", ".part", ".partial", ".crdownload", ".aria2", ".downloading"});
constexpr auto kSystemNames = std::to_array<std::string_view>({".DS_Store", "Thumbs.db", "desktop.ini"});
constexpr std::string_view kRepositoryPrefix = "models--";

bool is_among(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool ends_with_any(std::string_view name, std::span<const std::string_view> endings) {
  return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

bool are_digits(std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos; }

}  // namespace

std::string_view base_name(std::string_view name) { return name.substr(name.rfind('/') + 1); }

std::string_view folder_part(std::string_view name) { return name.substr(0, name.rfind('/') + 1); }

std::string_view without_zst(std::string_view name) {
  if (name.ends_with(kZstSuffix)) name.remove_suffix(kZstSuffix.size());
  return name;
}

bool is_gguf_name(std::string_view name) { return without_zst(name).ends_with(kGgufSuffix); }

bool is_safetensors_name(std::string_view name) { return without_zst(name).ends_with(kSafetensorsSuffix); }

bool is_weights_name(std::string_view name) { return is_gguf_name(name) || is_safetensors_name(name); }

bool is_snapshot_name(std::string_view name) { return name.ends_with(kSnapshotSuffix); }

bool is_model_name(std::string_view name) { return is_weights_name(name) || is_snapshot_name(name); }

bool is_index_name(std::string_view name) {
  return name.ends_with(".json") && base_name(name).find(".index.") != std::string_view::npos;
}

bool is_safetensors_index_name(std::string_view name) {
  return is_index_name(name) && base_name(name).find("safetensors") != std::string_view::npos;
}

bool is_adapter_name(std::string_view name) { return is_among(kAdapterNames, base_name(name)); }

bool is_consolidated_name(std::string_view name) { return base_name(name).starts_with("consolidated"); }

bool is_other_framework_name(std::string_view name) {
  const std::string_view base = base_name(name);
  return (base.starts_with("pytorch_model") && base.ends_with(".bin")) || base.ends_with(".pth") ||
         is_among(kOtherFrameworkNames, base);
}

bool is_pickle_name(std::string_view name) { return ends_with_any(name, kPickleEndings); }

bool is_unfinished_name(std::string_view name) {
  // "sha256-HEX-partial", "sha256-HEX-partial-3": how Ollama keeps what it has so far.
  constexpr std::string_view kPartial = "-partial";
  if (const auto at = name.rfind(kPartial); at != std::string_view::npos) {
    const std::string_view rest = name.substr(at + kPartial.size());
    if (rest.empty() || (rest.front() == '-' && are_digits(rest.substr(1)))) return true;
  }
  return ends_with_any(name, kUnfinishedEndings);
}

bool is_side_file_name(std::string_view name) {
  const std::string_view base = base_name(name);
  return is_among(kConfigNames, base) || is_among(kQuantizationConfigNames, base) ||
         is_among(kTokenizerConfigNames, base) || is_among(kAdapterConfigNames, base) ||
         is_among(kChatTemplateNames, base) || base == kPipelineName || base == kSentenceModulesName ||
         base == kGenerationName || is_index_name(base);
}

bool is_system_name(std::string_view name) {
  const std::string_view base = base_name(name);
  return base.starts_with("._") || is_among(kSystemNames, base);
}

bool is_side_name(std::string_view name) { return name.ends_with(".json") || name.ends_with(".jinja"); }

std::optional<PartName> parse_part_name(std::string_view name) {
  PartName part;
  const std::string_view plain = without_zst(name);
  const std::string_view suffix = plain.ends_with(kGgufSuffix)          ? kGgufSuffix
                                  : plain.ends_with(kSafetensorsSuffix) ? kSafetensorsSuffix
                                                                        : "";
  if (suffix.empty()) return std::nullopt;
  part.suffix = name.substr(plain.size() - suffix.size());
  const std::string_view stem = plain.substr(0, plain.size() - suffix.size());

  const auto of = stem.rfind("-of-");
  if (of == std::string_view::npos) return std::nullopt;
  const std::string_view total = stem.substr(of + 4);
  const std::string_view before = stem.substr(0, of);
  const auto separator = before.find_last_not_of("0123456789");
  if (separator == std::string_view::npos || (before[separator] != '-' && before[separator] != '_'))
    return std::nullopt;
  const std::string_view number = before.substr(separator + 1);
  const auto plausible = [](std::string_view digits) { return digits.size() >= 5 && digits.size() <= 6; };
  const auto i = parse_uint(number);
  const auto n = parse_uint(total);
  if (!plausible(number) || !plausible(total) || !i || !n) return std::nullopt;
  part.prefix = before.substr(0, separator + 1);
  part.number = *i;
  part.total = *n;
  return part;
}

std::optional<std::string> repository_of(std::string_view folder_name) {
  if (!folder_name.starts_with(kRepositoryPrefix)) return std::nullopt;
  std::string name(folder_name.substr(kRepositoryPrefix.size()));
  if (const auto dashes = name.find("--"); dashes != std::string::npos) name.replace(dashes, 2, "/");
  return name;
}

std::optional<HubPath> hub_path_of(std::string_view path) {
  constexpr std::string_view kSnapshots = "/snapshots/";
  for (auto at = path.find(kSnapshots); at != std::string_view::npos; at = path.find(kSnapshots, at + 1)) {
    const auto repository = repository_of(base_name(path.substr(0, at)));
    if (!repository) continue;
    const std::string_view rest = path.substr(at + kSnapshots.size());
    const std::size_t commit = std::min(rest.find('/'), rest.size());
    return HubPath{*repository, std::string(rest.substr(0, commit)),
                   std::string(rest.substr(std::min(commit + 1, rest.size())))};
  }
  return std::nullopt;
}

}  // namespace weigh::core
